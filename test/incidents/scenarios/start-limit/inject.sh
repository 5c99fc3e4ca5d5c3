#!/bin/bash
unit invoices.service <<'EOF'
[Unit]
StartLimitBurst=3
[Service]
ExecStart=/bin/sh -c "echo 'invoices: number range is used up' >&2; exit 78"
Restart=on-failure
RestartSec=100ms
[Install]
WantedBy=multi-user.target
EOF
systemctl enable -q --now invoices
soon failed invoices
