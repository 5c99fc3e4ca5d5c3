#!/bin/bash
mount -t tmpfs -o size=8M,mode=1777 tmpfs /tmp
head -c 9M /dev/zero >/tmp/core.dump 2>/dev/null || true
program /srv/brochure/brochure.py <<'EOF'
#!/usr/bin/python3
import tempfile, time
while True:
    with tempfile.NamedTemporaryFile(dir='/tmp') as page:
        page.write(b'x' * 200_000)
        page.flush()
    time.sleep(1)
EOF
unit brochure.service <<'EOF'
[Unit]
StartLimitIntervalSec=0
[Service]
ExecStart=/srv/brochure/brochure.py
Restart=always
RestartSec=200ms
EOF
systemctl start brochure
soon looping brochure
