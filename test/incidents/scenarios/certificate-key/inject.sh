#!/bin/bash
keep /etc/nginx/tls
openssl ecparam -genkey -name prime256v1 -noout -out /etc/nginx/tls/shop.key
systemctl restart nginx 2>/dev/null || true
soon failed nginx
