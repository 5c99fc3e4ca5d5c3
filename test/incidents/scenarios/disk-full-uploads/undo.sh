#!/bin/bash
rm -f /srv/uploads/backup-of-old-shop.tar
