#!/bin/bash
redis-cli config set maxclients 40 >/dev/null
unit visitors.service <<'EOF'
[Service]
ExecStart=/usr/bin/python3 -c "import socket,time; a=[socket.create_connection(('127.0.0.1',6379)) for _ in range(60)]; time.sleep(1000)"
EOF
systemctl start visitors
soon status http://127.0.0.1:3000/health 500
