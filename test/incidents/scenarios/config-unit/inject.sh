#!/bin/bash
keep /etc/systemd/system/mailer.service
sed -i 's/^ExecStart=/ExectStart=/' /etc/systemd/system/mailer.service
systemctl stop mailer
systemctl daemon-reload
not systemctl start mailer 2>/dev/null
soon is LoadState mailer bad-setting
