#!/bin/bash
test -e /sys/fs/cgroup/memory/system.slice/memory.limit_in_bytes
program /srv/suggest/suggest.py <<'EOF'
#!/usr/bin/python3
import time
words = [b'x' * (1 << 20) for _ in range(46)]
while True:
    time.sleep(0.2)
    open('/srv/suggest/cache', 'wb').write(b'y' * (8 << 20))
EOF
unit suggest.service <<'EOF'
[Service]
ExecStart=/srv/suggest/suggest.py
MemoryMax=64M
EOF
systemctl start suggest
at_limit() { [ "$(cat /sys/fs/cgroup/memory/system.slice/suggest.service/memory.failcnt)" -gt 0 ]; }
soon at_limit
