#!/bin/bash
unit preview.service <<'EOF'
[Service]
WorkingDirectory=/var/www
ExecStart=/usr/bin/python3 -m http.server 80
EOF
systemctl stop nginx
systemctl start preview
soon status http://127.0.0.1/ 200
systemctl start nginx 2>/dev/null || true
soon failed nginx
