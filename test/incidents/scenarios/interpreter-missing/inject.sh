#!/bin/bash
printf '#!/usr/bin/python3.9\nprint("coupons")\n' | program /srv/coupons/coupons
unit coupons.service <<'EOF'
[Unit]
StartLimitIntervalSec=0
[Service]
ExecStart=/srv/coupons/coupons
Restart=always
RestartSec=300ms
EOF
systemctl start coupons
soon looping coupons
