#!/bin/bash
rm -r /etc/systemd/system/orders.service.d
systemctl daemon-reload
