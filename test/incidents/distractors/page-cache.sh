#!/bin/bash
# A service at its memory limit by nothing but page cache, which the kernel takes back whenever it likes.
truncate -s 120M /srv/pictures.raw
unit indexer.service <<'EOF'
[Service]
ExecStart=/bin/sh -c "while :; do cat /srv/pictures.raw >/dev/null; sleep 20; done"
MemoryMax=64M
EOF
systemctl start indexer
