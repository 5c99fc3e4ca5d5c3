#!/bin/bash
unit stock.service <<'EOF'
[Unit]
StartLimitIntervalSec=0
[Service]
Type=notify
ExecStart=/bin/sleep 1000
TimeoutStartSec=500ms
Restart=always
RestartSec=100ms
EOF
systemctl start --no-block stock
soon looping stock
