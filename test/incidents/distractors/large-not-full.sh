#!/bin/bash
# A file system that is used well, and one that is read-only because it is meant to be.
unit srv-media.mount <<'EOF'
[Mount]
What=media
Where=/srv/media
Type=tmpfs
Options=size=64M
EOF
unit srv-reference.mount <<'EOF'
[Mount]
What=reference
Where=/srv/reference
Type=tmpfs
Options=ro,size=4M
EOF
systemctl start srv-media.mount srv-reference.mount
head -c 48M /dev/zero >/srv/media/film.raw
