#!/bin/bash
keep /srv/orders
chown root:root /srv/orders
chmod 700 /srv/orders
systemctl restart orders || true
soon looping orders
