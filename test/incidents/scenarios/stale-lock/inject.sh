#!/bin/bash
mkdir -p /var/lib/finder
echo 4711 >/var/lib/finder/write.lock
program /srv/finder/finder <<'EOF'
#!/bin/sh
if [ -e /var/lib/finder/write.lock ]; then
  echo "finder: /var/lib/finder/write.lock is held by process $(cat /var/lib/finder/write.lock), is another finder running?" >&2
  exit 1
fi
exec sleep infinity
EOF
unit finder.service <<'EOF'
[Service]
ExecStart=/srv/finder/finder
Restart=on-failure
RestartSec=100ms
[Install]
WantedBy=multi-user.target
EOF
systemctl enable -q --now finder
soon failed finder
