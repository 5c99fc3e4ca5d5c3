#!/bin/bash
cat >/etc/nginx/sites-enabled/search <<'EOF'
server {
  listen 8090;
  server_name search.example;
  location / { proxy_pass http://127.0.0.1:9200; }
}
EOF
systemctl reload nginx
soon status http://127.0.0.1:8090/ 502
