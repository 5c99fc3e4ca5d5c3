#!/bin/bash
program /usr/local/sbin/patch-night <<'EOF'
#!/usr/bin/python3
import fcntl, time
lock = open('/var/lib/dpkg/lock-frontend', 'w')
fcntl.lockf(lock, fcntl.LOCK_EX)
print('patch-night: waits for an answer about /etc/issue', flush=True)
time.sleep(10000)
EOF
unit patch-night.service <<'EOF'
[Service]
ExecStart=/usr/local/sbin/patch-night
EOF
systemctl start patch-night
soon said patch-night 'waits for an answer'
