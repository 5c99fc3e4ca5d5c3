#!/bin/bash
rm -rf /etc/nginx/sites-enabled/forum /srv/forum
systemctl reload nginx
systemctl disable -q --now php8.2-fpm
restore
