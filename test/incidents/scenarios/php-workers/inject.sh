#!/bin/bash
keep /etc/php
sed -i 's/^pm.max_children = .*/pm.max_children = 2/; s/^pm.\(start\|min_spare\|max_spare\)_servers = .*/pm.\1_servers = 1/' /etc/php/8.2/fpm/pool.d/www.conf
mkdir -p /srv/forum
echo '<?php sleep(100); echo "found nothing";' >/srv/forum/index.php
cat >/etc/nginx/sites-enabled/forum <<'EOF'
server {
  listen 8095;
  root /srv/forum;
  location / { include fastcgi.conf; fastcgi_param SCRIPT_FILENAME /srv/forum/index.php; fastcgi_pass unix:/run/php/php8.2-fpm.sock; }
}
EOF
systemctl enable -q --now php8.2-fpm
systemctl reload nginx
unit readers.service <<'EOF'
[Service]
ExecStart=/bin/sh -c "for reader in $(seq 8); do curl -s http://127.0.0.1:8095/search & done; wait"
EOF
systemctl start readers
soon grep -q max_children /var/log/php8.2-fpm.log
