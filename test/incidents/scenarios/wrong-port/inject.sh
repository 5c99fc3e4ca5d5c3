#!/bin/bash
keep /etc/shop/config.json
sed -i 's/3000/3030/' /etc/shop/config.json
systemctl restart shop
soon status http://127.0.0.1:3030/ 200
