#!/bin/bash
program /etc/cron.daily/archive-baskets.sh <<'EOF'
#!/bin/sh
find /srv/shop -name '*.basket' -mtime +30 -delete
EOF
not grep -q archive-baskets <(run-parts --test /etc/cron.daily)
