#!/bin/bash
rm /etc/nginx/conf.d/sale.conf
systemctl reload nginx
