#!/bin/bash
systemctl enable -q --now mailer
