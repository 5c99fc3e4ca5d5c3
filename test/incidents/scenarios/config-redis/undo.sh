#!/bin/bash
restore
# A start that is under way may have read the old one.
systemctl stop redis-server
systemctl reset-failed redis-server
systemctl start redis-server
