#!/bin/bash
unit licence-check.service <<'EOF'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c "echo 'licence-check: server of the vendor said 403' >&2; exit 4"
EOF
unit picking.service <<'EOF'
[Unit]
Requires=licence-check.service
After=licence-check.service
[Service]
ExecStart=/bin/sleep infinity
EOF
unit warehouse.service <<'EOF'
[Unit]
Requires=picking.service
After=picking.service
[Service]
ExecStart=/bin/sleep infinity
[Install]
WantedBy=multi-user.target
EOF
systemctl enable -q warehouse
systemctl start warehouse 2>/dev/null || true
soon failed licence-check
