#!/bin/bash
unit scanner.service <<'EOF'
[Service]
ExecStart=/usr/bin/python3 -c "import os,time; [os.fork() or os._exit(0) for _ in range(400)]; time.sleep(1000)"
EOF
systemctl start scanner
many() { [ "$(pgrep -c -r Z)" -ge 400 ]; }
soon many
