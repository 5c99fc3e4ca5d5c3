#!/bin/bash
# Somebody's archive lies among the pictures.
head -c 40M /dev/zero >/srv/uploads/backup-of-old-shop.tar 2>/dev/null || true
rm -f /srv/uploads/thumbnail.tmp
head -c 1M /dev/zero >>/srv/uploads/backup-of-old-shop.tar 2>/dev/null || true
soon said shop ENOSPC
