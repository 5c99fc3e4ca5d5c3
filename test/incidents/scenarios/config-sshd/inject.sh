#!/bin/bash
keep /etc/ssh/sshd_config
echo 'PermitRootLogn prohibit-password' >>/etc/ssh/sshd_config
systemctl restart ssh 2>/dev/null || true
soon failed ssh
