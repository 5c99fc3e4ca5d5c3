#!/bin/bash
program /srv/auction/auction.py <<'EOF'
#!/usr/bin/python3
import os, socket, time
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.connect(os.environ['NOTIFY_SOCKET'])
manager.send(b'READY=1')
print('auction: takes bids', flush=True)
time.sleep(1000)  # for a lock that nobody gives back
EOF
unit auction.service <<'EOF'
[Unit]
StartLimitIntervalSec=0
[Service]
Type=notify
ExecStart=/srv/auction/auction.py
WatchdogSec=400ms
LimitCORE=0
Restart=always
RestartSec=100ms
[Install]
WantedBy=multi-user.target
EOF
systemctl enable -q --now auction
soon looping auction
