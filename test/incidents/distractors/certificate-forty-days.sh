#!/bin/bash
# A certificate in use with 40 days left, renewed in ten.
certificate /etc/nginx/tls/docs docs.example -50days +40days
cat >/etc/nginx/sites-enabled/docs-tls <<'EOF'
server {
  listen 8443 ssl;
  server_name docs.example;
  root /var/www/docs;
  ssl_certificate /etc/nginx/tls/docs.pem;
  ssl_certificate_key /etc/nginx/tls/docs.key;
}
EOF
systemctl reload nginx
