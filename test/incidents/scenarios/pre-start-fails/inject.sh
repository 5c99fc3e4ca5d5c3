#!/bin/bash
program /srv/gallery/migrate <<'EOF'
#!/bin/sh
echo 'migrate: step 12: column "width" is there already' >&2
exit 1
EOF
unit gallery.service <<'EOF'
[Unit]
StartLimitIntervalSec=0
[Service]
ExecStartPre=/srv/gallery/migrate
ExecStart=/bin/sleep infinity
Restart=on-failure
RestartSec=300ms
[Install]
WantedBy=multi-user.target
EOF
systemctl enable -q gallery
systemctl start --no-block gallery
soon looping gallery
