#!/bin/bash
printf '#!/bin/bash\r\necho "gifts: ready"\r\nexec sleep infinity\r\n' | program /srv/gifts/gifts # an editor of another system
unit gifts.service <<'EOF'
[Service]
ExecStart=/srv/gifts/gifts
Restart=on-failure
RestartSec=100ms
[Install]
WantedBy=multi-user.target
EOF
systemctl enable -q --now gifts || true
soon failed gifts
