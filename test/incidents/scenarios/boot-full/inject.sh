#!/bin/bash
mount -t tmpfs -o size=4M boot /boot
head -c 2M /dev/zero >/boot/initrd.img-6.1.0-30-amd64
head -c 1800k /dev/zero >/boot/initrd.img-6.1.0-31-amd64
dir=$(mktemp -d)
mkdir -p "$dir/DEBIAN"
printf 'Package: shop-kernel\nVersion: 6.1.32\nArchitecture: all\nMaintainer: shop <shop@shop.example>\nDescription: kernel\n' >"$dir/DEBIAN/control"
printf '#!/bin/sh\nhead -c 2M /dev/urandom >/boot/initrd.img-6.1.0-32-amd64\n' >"$dir/DEBIAN/postinst"
chmod 755 "$dir" "$dir/DEBIAN/postinst"
dpkg-deb -b "$dir" "$dir.deb" >/dev/null
not dpkg -i "$dir.deb" &>/dev/null
rm -r "$dir" "$dir.deb"
dpkg -s shop-kernel | grep -q half-configured
