#!/bin/bash
systemctl disable -q --now mailer
soon is ActiveState mailer inactive
