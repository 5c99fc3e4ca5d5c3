#!/bin/bash
keep /etc/hosts
echo '192.0.2.10 supplier.example # while their DNS is broken, 2023' >>/etc/hosts
program /srv/supply/supply.py <<'EOF'
#!/usr/bin/python3
import socket, time
while True:
    try: socket.create_connection(('supplier.example', 443), 0.5)
    except OSError as error: print('supply: cannot reach supplier.example:443:', error, flush=True)
    time.sleep(1)
EOF
unit supply.service <<'EOF'
[Service]
ExecStart=/srv/supply/supply.py
EOF
systemctl start supply
soon said supply 'cannot reach'
