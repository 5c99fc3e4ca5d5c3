#!/bin/bash
keep /etc/redis/redis.conf
echo 'maxmemry 256mb' >>/etc/redis/redis.conf
systemctl restart redis-server 2>/dev/null || true
soon failed redis-server
restore # and nobody starts it again
soon status http://127.0.0.1:3000/health 500
