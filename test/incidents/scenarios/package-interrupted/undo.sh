#!/bin/bash
dpkg --purge --force-all shop-icons &>/dev/null || dpkg --purge --force-all shop-icons &>/dev/null
rm -f /var/lib/dpkg/*-old
test -z "$(dpkg --audit)"
