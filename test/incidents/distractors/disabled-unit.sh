#!/bin/bash
# A unit that is there and has never been wanted, and one that the administrator masked because nobody has such hardware.
unit legacy-ftp.service <<'EOF'
[Service]
ExecStart=/usr/sbin/legacy-ftpd
[Install]
WantedBy=multi-user.target
EOF
systemctl mask -q bluetooth.service 2>/dev/null
