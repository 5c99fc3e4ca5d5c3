#!/bin/bash
keep /srv/shop/server.mjs
sed -i "1i import Stripe from 'stripe'" /srv/shop/server.mjs
systemctl restart shop
soon looping shop
