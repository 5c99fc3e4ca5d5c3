#!/bin/bash
drop search.service
umount /var/lib/search
rm -rf /var/lib/search /srv/search
