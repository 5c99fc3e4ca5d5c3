#!/bin/bash
keep /etc/nginx/sites-enabled/docs
sed -i 's/root \(.*\);/root \1/' /etc/nginx/sites-enabled/docs
systemctl restart nginx 2>/dev/null || true
soon failed nginx
