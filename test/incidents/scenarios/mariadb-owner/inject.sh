#!/bin/bash
chown -R root:root /var/lib/mysql
systemctl enable -q mariadb
systemctl start mariadb 2>/dev/null || true
soon failed mariadb
