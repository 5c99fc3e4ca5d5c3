#!/bin/bash
systemctl stop cron
soon is ActiveState cron inactive
