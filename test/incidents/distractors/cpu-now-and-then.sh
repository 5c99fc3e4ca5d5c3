#!/bin/bash
# A little work every few seconds.
unit housekeeping.service <<'EOF'
[Service]
ExecStart=/bin/bash -c "while :; do for ((i = 0; i < 20000; i++)); do :; done; sleep 3; done"
EOF
systemctl start housekeeping
