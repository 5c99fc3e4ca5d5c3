#!/bin/bash
unit recommend.service <<'EOF'
[Service]
ExecStart=/usr/bin/python3 -c "import os; os.fork(); any(0 for _ in iter(int, 1))"
RuntimeMaxSec=60
EOF
systemctl start recommend
busy() { [ "$(cat /sys/fs/cgroup/cpuacct/system.slice/recommend.service/cpuacct.usage 2>/dev/null || echo 2000000000)" -gt 500000000 ]; }
sleep 0.5
soon busy
