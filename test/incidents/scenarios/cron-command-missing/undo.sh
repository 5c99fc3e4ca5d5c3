#!/bin/bash
rm /etc/cron.d/backup-orders
