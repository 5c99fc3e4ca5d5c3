#!/bin/bash
# A service that was killed once, came back, and has been well since.
unit banner.service <<'EOF'
[Service]
ExecStart=/bin/sleep infinity
Restart=always
RestartSec=100ms
[Install]
WantedBy=multi-user.target
EOF
systemctl enable -q --now banner
systemctl kill --signal=KILL banner
soon is NRestarts banner 1
soon is ActiveState banner active
