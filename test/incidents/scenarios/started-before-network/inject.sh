#!/bin/bash
unit partners.service <<'EOF'
[Service]
ExecStart=/usr/bin/python3 -m http.server --bind 10.77.0.5 9600
[Install]
WantedBy=multi-user.target
EOF
systemctl enable -q --now partners
soon failed partners
ip addr add 10.77.0.5/24 dev eth0
