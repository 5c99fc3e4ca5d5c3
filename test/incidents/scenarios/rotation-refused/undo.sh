#!/bin/bash
rm -rf /etc/logrotate.d/warehouse /var/log/warehouse
systemctl reset-failed logrotate
