#!/bin/bash
test -e /sys/fs/cgroup/memory/system.slice/memory.limit_in_bytes
program /srv/render/render.py <<'EOF'
#!/usr/bin/python3
import os, time
while True:
    worker = os.fork()
    if worker == 0:
        pages = [b'x' * (1 << 20) for _ in range(200)]
        os._exit(0)
    _, status = os.waitpid(worker, 0)
    if status: print('render: worker ended by signal', status & 127, flush=True)
    time.sleep(1)
EOF
unit render.service <<'EOF'
[Service]
ExecStart=/srv/render/render.py
MemoryMax=48M
EOF
systemctl start render
soon said render 'ended by signal 9'
