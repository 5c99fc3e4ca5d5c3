#!/bin/bash
unit seats.service <<'EOF'
[Service]
ExecStart=/usr/bin/python3 -m http.server --bind 127.0.0.1 8200
[Install]
WantedBy=multi-user.target
EOF
systemctl enable -q --now seats
keep /etc/haproxy/haproxy.cfg
cat >>/etc/haproxy/haproxy.cfg <<'EOF'

frontend tickets
	bind :8300
	default_backend seats
backend seats
	server one 10.77.0.2:8200 check inter 300ms
EOF
systemctl enable -q --now haproxy
soon status http://127.0.0.1:8300/ 503
