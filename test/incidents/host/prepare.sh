#!/bin/bash
# Makes the host of the incidents out of a bare Debian: a small shop. Runs once, in a container that is not booted, with this
# folder at /mnt and Node's at /opt (test/incidents/world.ts).
set -euo pipefail
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod +x /usr/sbin/policy-rc.d
mkdir -p /etc/mysql/mariadb.conf.d
printf '[mysqld]\ninnodb_log_file_size = 8M\n' >/etc/mysql/mariadb.conf.d/80-small.cnf
apt-get -qq update
apt-get -qq -y install --no-install-recommends \
  nginx-light redis-server postgresql cron openssh-server nftables iptables python3 \
  apache2 haproxy mariadb-server memcached php8.2-fpm logrotate sudo >/dev/null
# Servers that only a scenario wants.
systemctl disable -q apache2 haproxy mariadb mariadb.socket memcached php8.2-fpm
rm /usr/sbin/policy-rc.d
apt-get clean
rm -rf /var/lib/apt/lists/* /usr/share/doc/* /usr/bin/aria_* /usr/bin/myisam*

for name in shop orders mailer; do useradd -r "$name"; done
cp -r --no-preserve=ownership /mnt/tree/. /
cp /opt/node /usr/local/bin/node
install -d -o shop -g shop /srv/uploads
chown -R shop: /srv/shop
chown -R orders: /srv/orders
install -d -o mailer -g mailer /srv/mailer /var/spool/mailer
chown root:shop /etc/shop/*
chmod 640 /etc/shop/*
chmod +x /usr/local/bin/* /srv/mailer/mailer
chmod 644 /etc/cron.d/*

install -d -m 755 /etc/nginx/tls
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 800 -subj /CN=shop.example \
  -addext subjectAltName=DNS:shop.example,DNS:www.shop.example -keyout /etc/nginx/tls/shop.key -out /etc/nginx/tls/shop.pem 2>/dev/null
chmod 600 /etc/nginx/tls/shop.key
rm -f /etc/nginx/sites-enabled/default /var/www/html/*

echo 'max_connections = 20' >/etc/postgresql/15/main/conf.d/shop.conf
pg_ctlcluster 15 main start
su postgres -c 'createuser orders && createdb -O orders orders'
pg_ctlcluster 15 main stop
# Another one, if this machine was using it.
sed -i 's/^port = .*/port = 5432/' /etc/postgresql/15/main/postgresql.conf
: >/var/log/postgresql/postgresql-15-main.log

systemctl enable -q shop orders mailer shop-report.timer srv-uploads.mount nginx redis-server postgresql cron ssh
