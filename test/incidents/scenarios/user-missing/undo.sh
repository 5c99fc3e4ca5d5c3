#!/bin/bash
rm -r /etc/systemd/system/shop.service.d
systemctl daemon-reload
systemctl restart shop
