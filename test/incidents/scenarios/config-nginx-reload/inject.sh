#!/bin/bash
echo 'rewrite_all ^/sale$ /winter;' >/etc/nginx/conf.d/sale.conf
not systemctl reload nginx 2>/dev/null
