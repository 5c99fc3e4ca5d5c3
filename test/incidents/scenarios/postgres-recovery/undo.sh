#!/bin/bash
rm -f /etc/postgresql/15/main/conf.d/standby.conf /var/lib/postgresql/15/main/standby.signal
systemctl restart postgresql@15-main
