#!/bin/bash
keep /etc/systemd/system/mailer.service
systemctl stop mailer
rm /etc/systemd/system/mailer.service
systemctl mask -q mailer
soon is LoadState mailer masked
