#!/bin/bash
program /srv/payment/payment.py <<'EOF'
#!/usr/bin/python3
import socket, time
door = socket.create_server(('127.0.0.1', 9400), backlog=4)
time.sleep(1000)  # waits for the bank, and accepts nobody
EOF
program /srv/payment/tills.py <<'EOF'
#!/usr/bin/python3
import socket, time
time.sleep(0.3)
tills = [socket.socket() for _ in range(12)]
for till in tills:
    till.setblocking(False)
    till.connect_ex(('127.0.0.1', 9400))
time.sleep(1000)
EOF
unit payment.service <<'EOF'
[Service]
ExecStart=/srv/payment/payment.py
EOF
unit tills.service <<'EOF'
[Service]
ExecStart=/srv/payment/tills.py
EOF
systemctl start payment tills
full() { [ "$(ss -Hltn 'sport = :9400' | awk '{ print ($2 > $3) }')" = 1 ]; }
soon full
