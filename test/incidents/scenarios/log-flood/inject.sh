#!/bin/bash
program /srv/gateway/gateway.py <<'EOF'
#!/usr/bin/python3
import time
number = 0
while True:
    for _ in range(200):
        number += 1
        print('DEBUG gateway: request', number, 'headers accept=*/* cookie=none cache=miss', flush=True)
    time.sleep(0.05)
EOF
unit gateway.service <<'EOF'
[Service]
ExecStart=/srv/gateway/gateway.py
EOF
systemctl start gateway
soon said gateway 'request 6000'
