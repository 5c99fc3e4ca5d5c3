#!/bin/bash
# Connections that are kept open, and three children that nobody has waited for yet.
unit dashboard.service <<'EOF'
[Service]
ExecStart=/usr/bin/python3 -c "import os,socket,time; a=[socket.create_connection(('127.0.0.1',6379)) for _ in range(25)]; [os.fork() or os._exit(0) for _ in range(3)]; time.sleep(100000)"
EOF
systemctl start dashboard
