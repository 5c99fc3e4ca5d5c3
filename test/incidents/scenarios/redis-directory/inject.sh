#!/bin/bash
keep /var/lib/redis
chown root:root /var/lib/redis
chmod 755 /var/lib/redis
redis-cli bgsave >/dev/null
soon status http://127.0.0.1:3000/health 500
