#!/bin/bash
keep /etc/orders/env
sed -i 's/127.0.0.1/127.0.0.2/' /etc/orders/env
systemctl restart orders
soon status http://127.0.0.2:3100/ 200
