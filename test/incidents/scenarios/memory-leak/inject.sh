#!/bin/bash
test -e /sys/fs/cgroup/memory/system.slice/memory.limit_in_bytes
program /srv/basket/basket.py <<'EOF'
#!/usr/bin/python3
import time
baskets = []
while len(baskets) < 700:
    baskets.append(b'x' * (1 << 20))
    time.sleep(0.08)
time.sleep(1000)
EOF
unit basket.service <<'EOF'
[Service]
ExecStart=/srv/basket/basket.py
MemoryMax=1G
EOF
systemctl start basket
grown() { [ "$(awk '/^VmRSS/ { print $2 }' "/proc/$(systemctl show -P MainPID basket)/status")" -gt 30000 ]; }
soon grown
