#!/bin/bash
chown -R mysql:mysql /var/lib/mysql
systemctl disable -q --now mariadb.socket mariadb
systemctl reset-failed mariadb
