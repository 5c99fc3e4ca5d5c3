#!/bin/bash
keep /etc/postgresql/15/main/pg_hba.conf
sed -i '1i local all orders reject' /etc/postgresql/15/main/pg_hba.conf
systemctl reload postgresql@15-main
soon status http://127.0.0.1:3100/health 500
