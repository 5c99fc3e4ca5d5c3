#!/bin/bash
keep /etc/ssh
chmod 644 /etc/ssh/ssh_host_*_key
systemctl restart ssh 2>/dev/null || true
soon failed ssh
