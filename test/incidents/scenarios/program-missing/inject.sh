#!/bin/bash
unit prices.service <<'EOF'
[Service]
ExecStart=/opt/prices/bin/pricefeed --daemon
[Install]
WantedBy=multi-user.target
EOF
systemctl enable -q --now prices
soon failed prices
