#!/bin/bash
mkdir -p /srv/exports
mount -t tmpfs -o size=24M exports /srv/exports
program /srv/exporter/exporter <<'EOF'
#!/bin/bash
exec 3>/srv/exports/export.log
head -c 23M /dev/zero >&3
rm /srv/exports/export.log
exec sleep infinity
EOF
unit exporter.service <<'EOF'
[Service]
ExecStart=/srv/exporter/exporter
EOF
systemctl start exporter
gone() { [ "$(df --output=avail /srv/exports | tail -1)" -lt 1500 ] && [ ! -e /srv/exports/export.log ]; }
soon gone
