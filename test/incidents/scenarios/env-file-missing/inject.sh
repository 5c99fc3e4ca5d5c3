#!/bin/bash
unit loyalty.service <<'EOF'
[Service]
EnvironmentFile=/etc/loyalty/env
ExecStart=/bin/sleep infinity
[Install]
WantedBy=multi-user.target
EOF
systemctl enable -q loyalty
systemctl start loyalty 2>/dev/null || true
soon failed loyalty
