#!/bin/bash
unit legacy-metrics.service <<'EOF'
[Service]
ExecStart=/usr/bin/python3 -m http.server --bind 127.0.0.1 9500
EOF
unit metrics.service <<'EOF'
[Unit]
StartLimitIntervalSec=0
[Service]
ExecStart=/usr/bin/python3 -m http.server --bind 127.0.0.1 9500
Restart=always
RestartSec=300ms
[Install]
WantedBy=multi-user.target
EOF
systemctl start legacy-metrics
soon status http://127.0.0.1:9500/ 200
systemctl enable -q --now metrics
soon looping metrics
