#!/bin/bash
mkdir -p /var/lib/search
mount -t tmpfs -o size=8M search /var/lib/search
head -c 8M /dev/zero >/var/lib/search/index.1 2>/dev/null || true
program /srv/search/search <<'EOF'
#!/bin/bash
echo 'search: opens its index'
head -c 100000 /dev/urandom >/var/lib/search/journal || exit 3
exec sleep infinity
EOF
unit search.service <<'EOF'
[Unit]
StartLimitIntervalSec=0
[Service]
ExecStart=/srv/search/search
Restart=always
RestartSec=300ms
[Install]
WantedBy=multi-user.target
EOF
systemctl enable -q --now search
soon looping search
