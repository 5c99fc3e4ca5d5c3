#!/bin/bash
dpkg --purge --force-all shop-kernel &>/dev/null
rm -f /var/lib/dpkg/*-old
umount /boot
