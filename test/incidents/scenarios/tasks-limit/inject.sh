#!/bin/bash
program /srv/chat/chat.py <<'EOF'
#!/usr/bin/python3
import os, time
while True:
    try:
        if os.fork() == 0:
            time.sleep(1000)
    except OSError as error:
        print('chat: cannot serve one more visitor:', error, flush=True)
        time.sleep(0.5)
EOF
unit chat.service <<'EOF'
[Service]
ExecStart=/srv/chat/chat.py
TasksMax=12
EOF
systemctl start chat
soon said chat 'temporarily unavailable'
