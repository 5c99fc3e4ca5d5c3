#!/bin/bash
keep /etc/nginx/nginx.conf
sed -i 's/worker_connections .*/worker_connections 16;/' /etc/nginx/nginx.conf
systemctl restart nginx
program /srv/visitors/visitors.py <<'EOF'
#!/usr/bin/python3
import socket, time
visitors = []
while True:  # on slow lines: half of a request, and more of them all the time
    try:
        visitors.append(socket.create_connection(('127.0.0.1', 8080)))
        visitors[-1].sendall(b'GET / HTTP/1.1\r\nHost: docs.example\r\n')
    except OSError: pass
    time.sleep(0.02 if len(visitors) < 60 else 0.5)
EOF
unit visitors.service <<'EOF'
[Service]
ExecStart=/srv/visitors/visitors.py
EOF
systemctl start visitors
soon grep -q 'worker_connections are not enough' /var/log/nginx/error.log
