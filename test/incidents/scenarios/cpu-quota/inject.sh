#!/bin/bash
unit statistics.service <<'EOF'
[Service]
ExecStart=/usr/bin/python3 -c "any(0 for _ in iter(int, 1))"
CPUQuota=5%
EOF
systemctl start statistics
throttled() { [ "$(awk '/^nr_throttled/ { print $2 }' /sys/fs/cgroup/cpu/system.slice/statistics.service/cpu.stat)" -gt 5 ]; }
soon throttled
