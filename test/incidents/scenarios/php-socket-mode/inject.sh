#!/bin/bash
keep /etc/php
sed -i 's/^listen.owner = .*/listen.owner = root/; s/^listen.group = .*/listen.group = root/' /etc/php/8.2/fpm/pool.d/www.conf
mkdir -p /srv/forum
echo '<?php echo "welcome";' >/srv/forum/index.php
cat >/etc/nginx/sites-enabled/forum <<'EOF'
server {
  listen 8095;
  root /srv/forum;
  location / { include fastcgi.conf; fastcgi_param SCRIPT_FILENAME /srv/forum/index.php; fastcgi_pass unix:/run/php/php8.2-fpm.sock; }
}
EOF
systemctl enable -q --now php8.2-fpm
systemctl reload nginx
soon status http://127.0.0.1:8095/ 502
