#!/bin/bash
program /srv/insight/insight.py <<'EOF'
#!/usr/bin/python3
import socket, struct, time
words = struct.pack('!i', 196608) + b'user\0orders\0database\0orders\0application_name\0insight\0\0'
connections = []
while True:
    try:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect('/run/postgresql/.s.PGSQL.5432')
        connection.sendall(struct.pack('!i', len(words) + 4) + words)
        if connection.recv(1) == b'R': connections.append(connection)
        else: time.sleep(1)
    except OSError: time.sleep(1)
EOF
unit insight.service <<'EOF'
[Service]
User=orders
ExecStart=/srv/insight/insight.py
EOF
systemctl start insight
soon status http://127.0.0.1:3100/health 500
