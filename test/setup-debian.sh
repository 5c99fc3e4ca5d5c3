#!/bin/bash
# Installs from Debian what the tests use and npm does not bring. Run it as often as you like: it calls apt-get only
# for what is missing. Tests whose program is not there are skipped, and say so.
set -euo pipefail

has_postgresql() { compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null; }

missing=()
has_postgresql || missing+=(postgresql)                            # the storage suite on the second database
command -v bwrap >/dev/null || missing+=(bubblewrap)               # the sandbox of the read lane
command -v chromium >/dev/null || missing+=(chromium)              # the console in a real browser
command -v systemd-nspawn >/dev/null || missing+=(systemd-container) # a real systemd host
[ -x /usr/sbin/debootstrap ] || missing+=(debootstrap)              # … and its file system
command -v shellcheck >/dev/null || missing+=(shellcheck)          # the installer's grammar
command -v ip >/dev/null || missing+=(iproute2)                     # a network of its own for it
command -v strace >/dev/null || missing+=(strace)                  # the order in which it writes
if [ "$(uname -m)" != aarch64 ] && [ ! -e /usr/aarch64-linux-gnu/lib/libstdc++.so.6 ]; then
  missing+=(qemu-user-static libc6-arm64-cross libstdc++6-arm64-cross) # the release for the other architecture
fi
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" != 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "missing: ${missing[*]} (run this as root)" >&2
    exit 1
  fi
  as_root=(sudo)
fi
install() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

echo "installing: ${missing[*]}" >&2
"${as_root[@]}" apt-get update -qq
# The tests start servers of their own: the package need not create one that runs all the time.
if ! has_postgresql && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
  install postgresql-common
  "${as_root[@]}" sed -i 's/^#\?create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
fi
install "${missing[@]}"
