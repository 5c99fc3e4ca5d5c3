#!/bin/bash
drop patch-night.service
rm /usr/local/sbin/patch-night
