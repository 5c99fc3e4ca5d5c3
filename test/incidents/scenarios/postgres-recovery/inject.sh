#!/bin/bash
echo 'hot_standby = off' >/etc/postgresql/15/main/conf.d/standby.conf
install -o postgres -g postgres -m 600 /dev/null /var/lib/postgresql/15/main/standby.signal
systemctl restart postgresql@15-main
soon status http://127.0.0.1:3100/health 500
