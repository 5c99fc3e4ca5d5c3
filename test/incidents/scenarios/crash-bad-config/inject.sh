#!/bin/bash
keep /etc/shop/config.json
echo '{ "address": "127.0.0.1", "port": 3000, "title": "Winter sale", }' >/etc/shop/config.json
systemctl restart shop
soon looping shop
