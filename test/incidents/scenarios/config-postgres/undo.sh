#!/bin/bash
rm /etc/postgresql/15/main/conf.d/tuning.conf
systemctl reset-failed postgresql@15-main
systemctl start postgresql@15-main
