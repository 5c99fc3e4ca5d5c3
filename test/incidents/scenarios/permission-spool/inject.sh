#!/bin/bash
keep /var/spool/mailer
chown -R root:root /var/spool/mailer
soon said mailer 'could not be taken'
