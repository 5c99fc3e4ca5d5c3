#!/bin/bash
mkdir -p /etc/systemd/system/orders.service.d
printf '[Service]\nMemoryMax=2G\n' >/etc/systemd/system/orders.service.d/memory.conf
soon is NeedDaemonReload orders yes
