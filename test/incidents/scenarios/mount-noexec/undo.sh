#!/bin/bash
drop labels.service
umount /srv/labels
rm -r /srv/labels
