#!/bin/bash
mkdir -p /srv/labels
mount -t tmpfs -o size=4M,noexec,nosuid,nodev labels /srv/labels
program /srv/labels/print-labels <<'EOF'
#!/bin/sh
exec sleep infinity
EOF
unit labels.service <<'EOF'
[Service]
ExecStart=/srv/labels/print-labels
Restart=on-failure
RestartSec=100ms
[Install]
WantedBy=multi-user.target
EOF
systemctl enable -q --now labels || true
soon failed labels
