#!/bin/bash
program /srv/archiver/archive <<'PROGRAM'
#!/bin/bash
write() { while :; do dd if=/dev/zero of="/srv/archiver/$1" bs=1M count=64 oflag=direct conv=notrunc,fsync status=none; done; }
for part in 1 2 3 4; do write "$part" & done
wait
PROGRAM
unit archiver.service <<'EOF'
[Service]
ExecStart=/srv/archiver/archive
EOF
systemctl start archiver
soon test -s /srv/archiver/4
