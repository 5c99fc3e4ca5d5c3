#!/bin/bash
rm -r /etc/systemd/system/mailer.service.d
systemctl daemon-reload
systemctl restart mailer
