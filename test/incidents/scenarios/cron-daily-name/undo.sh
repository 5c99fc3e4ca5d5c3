#!/bin/bash
rm /etc/cron.daily/archive-baskets.sh
