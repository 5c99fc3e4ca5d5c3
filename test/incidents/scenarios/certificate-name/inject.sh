#!/bin/bash
keep /etc/nginx/tls
certificate /etc/nginx/tls/shop staging.example -1day +200days
systemctl restart nginx
soon status https://shop.example/ 200
