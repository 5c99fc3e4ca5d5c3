#!/bin/bash
rm /etc/cron.d/sessions.cron
