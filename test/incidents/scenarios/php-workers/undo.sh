#!/bin/bash
drop readers.service
rm -rf /etc/nginx/sites-enabled/forum /srv/forum
systemctl restart nginx
systemctl kill --signal=KILL php8.2-fpm
systemctl disable -q --now php8.2-fpm
systemctl reset-failed php8.2-fpm
: >/var/log/php8.2-fpm.log
restore
