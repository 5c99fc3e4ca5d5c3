#!/bin/bash
drop visitors.service
rm -rf /srv/visitors
restore
systemctl restart nginx
