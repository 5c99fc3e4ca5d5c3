#!/bin/bash
drop evaluation.service wishlist.service
rm -r /srv/evaluation /etc/mysql/mariadb.conf.d/90-small.cnf
systemctl disable -q --now mariadb.socket mariadb
