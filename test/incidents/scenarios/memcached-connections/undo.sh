#!/bin/bash
drop history.service
rm -rf /srv/history
systemctl disable -q --now memcached
systemctl reset-failed memcached 2>/dev/null || true
restore
