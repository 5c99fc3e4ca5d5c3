#!/bin/bash
echo 'shared_buffers = plenty' >/etc/postgresql/15/main/conf.d/tuning.conf
systemctl restart postgresql@15-main 2>/dev/null || true
soon failed postgresql@15-main
