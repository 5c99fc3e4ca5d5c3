#!/bin/bash
test -e /sys/fs/cgroup/memory/system.slice/memory.limit_in_bytes
program /srv/importer/importer.py <<'EOF'
#!/usr/bin/python3
print('importer: reads the catalogue', flush=True)
rows = [b'x' * (1 << 20) for _ in range(300)]
EOF
unit importer.service <<'EOF'
[Unit]
StartLimitIntervalSec=0
[Service]
ExecStart=/srv/importer/importer.py
MemoryMax=40M
Restart=always
RestartSec=300ms
EOF
systemctl start importer
soon looping importer
