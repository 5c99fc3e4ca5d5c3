#!/bin/bash
systemctl start cron
