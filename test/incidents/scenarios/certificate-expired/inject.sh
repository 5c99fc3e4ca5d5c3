#!/bin/bash
keep /etc/nginx/tls
certificate /etc/nginx/tls/shop shop.example -90days -1day
systemctl restart nginx
soon not curl -sf --cacert /etc/nginx/tls/shop.pem https://shop.example/
