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
        said = b''
        while not said.endswith(b'I'):  # ready
            more = connection.recv(4096)
            if not more or b'FATAL' in more: raise OSError(more)
            said += more
        connections.append(connection)
    except OSError: time.sleep(1)
EOF
unit insight.service <<'EOF'
[Service]
User=orders
ExecStart=/srv/insight/insight.py
EOF
systemctl start insight
soon status http://127.0.0.1:3100/health 500
