#!/bin/bash
mkdir -p /var/log/warehouse
chmod 777 /var/log/warehouse
head -c 3M /dev/zero >/var/log/warehouse/warehouse.log
printf '/var/log/warehouse/*.log {\n  daily\n  rotate 5\n}\n' >/etc/logrotate.d/warehouse
systemctl start logrotate 2>/dev/null || true
soon failed logrotate
