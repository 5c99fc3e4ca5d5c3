#!/bin/bash
unit price-list.service <<'EOF'
[Service]
Type=oneshot
ExecStart=/bin/echo 'price-list: sent'
EOF
unit price-list.timer <<'EOF'
[Timer]
OnCalendar=2025-*-01 06:00
[Install]
WantedBy=timers.target
EOF
systemctl enable -q --now price-list.timer
soon is SubState price-list.timer elapsed
