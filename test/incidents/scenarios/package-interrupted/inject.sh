#!/bin/bash
dir=$(mktemp -d)
mkdir -p "$dir/DEBIAN"
printf 'Package: shop-icons\nVersion: 3.0\nArchitecture: all\nMaintainer: shop <shop@shop.example>\nDescription: icons\n' >"$dir/DEBIAN/control"
printf '#!/bin/sh\nkill -KILL $PPID\n' >"$dir/DEBIAN/preinst"
chmod 755 "$dir" "$dir/DEBIAN/preinst"
dpkg-deb -b "$dir" "$dir.deb" >/dev/null
not dpkg -i "$dir.deb" &>/dev/null
rm -r "$dir" "$dir.deb"
test -n "$(ls /var/lib/dpkg/updates)"
