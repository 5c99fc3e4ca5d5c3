#!/bin/bash
unit translate.service <<'EOF'
[Service]
WorkingDirectory=/srv/translate/releases/41
ExecStart=/bin/sleep infinity
[Install]
WantedBy=multi-user.target
EOF
systemctl enable -q --now translate || true
soon failed translate
