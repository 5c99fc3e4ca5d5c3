#!/bin/bash
keep /srv/shop/server.mjs
sed -i "s/redis === '+PONG' ? 200 : 500/500/" /srv/shop/server.mjs
systemctl restart shop
soon status http://127.0.0.1:3000/health 500
