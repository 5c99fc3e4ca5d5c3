#!/bin/bash
restore
systemctl reset-failed mailer
systemctl restart mailer
