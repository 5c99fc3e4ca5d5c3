#!/bin/bash
keep /etc/systemd/system/orders.service
sed -i 's/^User=/MemoryMax=2G\n&/' /etc/systemd/system/orders.service
soon is NeedDaemonReload orders yes
