#!/bin/bash
printf '[mysqld]\nmax_connections = 10\n' >/etc/mysql/mariadb.conf.d/90-small.cnf
systemctl enable -q --now mariadb
mariadb -e 'create user if not exists shop@localhost identified via unix_socket'
program /srv/evaluation/evaluation <<'EOF'
#!/bin/bash
for part in {1..12}; do
  until mariadb -e "select 'part $part', sleep(1000)" 2>/dev/null; do sleep 0.2; done &
done
wait
EOF
unit evaluation.service <<'EOF'
[Service]
User=shop
ExecStart=/srv/evaluation/evaluation
EOF
unit wishlist.service <<'EOF'
[Service]
User=shop
ExecStart=/bin/sh -c "while :; do mariadb -e 'select 1' >/dev/null; sleep 0.5; done"
EOF
systemctl start evaluation wishlist
soon said wishlist 'Too many connections'
