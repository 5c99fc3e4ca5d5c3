#!/bin/bash
keep /etc/nginx/tls
certificate /etc/nginx/tls/shop shop.example +5days +400days
systemctl reload nginx
soon not curl -sf --cacert /etc/nginx/tls/shop.pem https://shop.example/
status https://shop.example/ 200
