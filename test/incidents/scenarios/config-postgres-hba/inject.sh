#!/bin/bash
keep /etc/postgresql/15/main/pg_hba.conf
echo 'host orders reporting 10.0.0.0/8 scram' >>/etc/postgresql/15/main/pg_hba.conf
systemctl restart postgresql@15-main 2>/dev/null || true
soon failed postgresql@15-main
