#!/bin/bash
drop finder.service
rm -rf /srv/finder /var/lib/finder
