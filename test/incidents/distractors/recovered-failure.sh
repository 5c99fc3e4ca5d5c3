#!/bin/bash
# A job that failed once, and went well afterwards.
unit rebuild-sitemap.service <<'EOF'
[Service]
Type=oneshot
ExecStart=/bin/sh -c "test -e /var/lib/sitemap-ready || { echo 'rebuild-sitemap: error: catalogue is locked' >&2; exit 1; }"
EOF
systemctl start rebuild-sitemap 2>/dev/null || true
soon failed rebuild-sitemap
touch /var/lib/sitemap-ready
systemctl start rebuild-sitemap
