#!/bin/bash
keep /srv/shop/server.mjs
sleep 1
sed -i 's/not found/we could not find that page/' /srv/shop/server.mjs
grep -q 'could not find' /srv/shop/server.mjs
