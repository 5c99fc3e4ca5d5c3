#!/bin/bash
keep /etc/memcached.conf
echo '-c 60' >>/etc/memcached.conf
systemctl enable -q --now memcached
program /srv/history/history.py <<'EOF'
#!/usr/bin/python3
import socket, time
kept = []
while True:
    try:
        cache = socket.create_connection(('127.0.0.1', 11211))
        cache.settimeout(2)
        cache.sendall(b'get history\r\n')
        said = cache.recv(100).decode().strip()
        if said == 'END': kept.append(cache)
        else: raise OSError(said)
    except OSError as error:
        print('history: memcached at 127.0.0.1:11211:', error, flush=True)
        time.sleep(0.5)
EOF
unit history.service <<'EOF'
[Service]
ExecStart=/srv/history/history.py
EOF
systemctl start history
soon said history 11211
soon is ActiveState memcached active
