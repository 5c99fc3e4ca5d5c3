#!/bin/bash
dir=$(mktemp -d)
mkdir -p "$dir/DEBIAN"
printf 'Package: shop-fonts\nVersion: 1.2\nArchitecture: all\nMaintainer: shop <shop@shop.example>\nDescription: fonts\n' >"$dir/DEBIAN/control"
printf '#!/bin/sh\nexit 1\n' >"$dir/DEBIAN/postinst"
chmod 755 "$dir" "$dir/DEBIAN/postinst"
dpkg-deb -b "$dir" "$dir.deb" >/dev/null
not dpkg -i "$dir.deb" &>/dev/null
rm -r "$dir" "$dir.deb"
dpkg -s shop-fonts | grep -q half-configured
