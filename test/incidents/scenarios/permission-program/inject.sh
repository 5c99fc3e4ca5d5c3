#!/bin/bash
keep /srv/mailer/mailer
chmod 644 /srv/mailer/mailer
systemctl restart mailer
soon failed mailer
