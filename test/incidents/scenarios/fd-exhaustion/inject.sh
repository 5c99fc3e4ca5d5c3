#!/bin/bash
program /srv/tracking/tracking.py <<'EOF'
#!/usr/bin/python3
import socket, time
door = socket.create_server(('127.0.0.1', 9300))
parcels = []
while True:
    try:
        parcels.append(open('/dev/null'))
    except OSError as error:
        print('tracking: accept failed:', error, flush=True)
        time.sleep(0.5)
EOF
unit tracking.service <<'EOF'
[Service]
ExecStart=/srv/tracking/tracking.py
LimitNOFILE=64
EOF
systemctl start tracking
soon said tracking 'Too many open files'
