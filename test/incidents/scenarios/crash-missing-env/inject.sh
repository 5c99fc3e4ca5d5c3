#!/bin/bash
keep /etc/orders/env
sed -i /DATABASE_SOCKET/d /etc/orders/env
systemctl restart orders
soon looping orders
