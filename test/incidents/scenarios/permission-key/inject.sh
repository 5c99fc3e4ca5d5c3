#!/bin/bash
mkdir -p /etc/interface
certificate /etc/interface/tls interface.example -1day +300days
chmod 600 /etc/interface/tls.key
program /srv/interface/server.mjs <<'EOF'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
const key = readFileSync('/etc/interface/tls.key')
createServer({ key, cert: readFileSync('/etc/interface/tls.pem') }, (_, answer) => answer.end('ok')).listen(9443)
EOF
unit interface.service <<'EOF'
[Unit]
StartLimitIntervalSec=0
[Service]
User=nobody
ExecStart=/usr/local/bin/node /srv/interface/server.mjs
Restart=always
RestartSec=300ms
EOF
systemctl start interface
soon looping interface
