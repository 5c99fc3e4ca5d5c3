#!/bin/bash
dpkg --purge --force-all shop-fonts &>/dev/null
rm -f /var/lib/dpkg/*-old
