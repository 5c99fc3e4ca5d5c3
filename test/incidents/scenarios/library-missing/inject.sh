#!/bin/bash
# As after an upgrade that took an old library away.
sed 's/libcurl\.so\.4/libcurl.so.3/' /usr/bin/curl | program /srv/rates/fetch
unit rates.service <<'EOF'
[Service]
ExecStart=/srv/rates/fetch --version
Restart=on-failure
RestartSec=200ms
[Install]
WantedBy=multi-user.target
EOF
systemctl enable -q --now rates
soon failed rates
