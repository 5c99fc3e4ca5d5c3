#!/bin/bash
unit shop.service.d/user.conf <<'EOF'
[Service]
User=webshop
EOF
systemctl restart shop || true
soon said shop USER
