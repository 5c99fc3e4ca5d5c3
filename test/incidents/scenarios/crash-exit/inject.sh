#!/bin/bash
program /srv/newsletter/newsletter <<'EOF'
#!/bin/bash
echo 'newsletter: licence has no seats left, giving up'
exit 1
EOF
unit newsletter.service <<'EOF'
[Unit]
StartLimitIntervalSec=0
[Service]
ExecStart=/srv/newsletter/newsletter
Restart=always
RestartSec=300ms
EOF
systemctl start newsletter
soon looping newsletter
