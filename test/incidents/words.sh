#!/bin/bash
# Words of the scenarios and distractors, put before each of them by run.ts: root, in the guest.
# shellcheck disable=SC2317,SC2329  # called by what follows
set -euo pipefail

# Tries a command for at most eight seconds, until it succeeds.
soon() {
  for _ in $(seq 80); do
    if "$@" &>/dev/null; then return 0; fi
    sleep 0.1
  done
  echo "did not come to pass: $*" >&2
  return 1
}

not() { ! "$@"; }

# Files and directories as they are now, for `restore`: content, owner, mode and times.
keep() {
  mkdir -p /root/kept
  cp -a --parents "$@" /root/kept/
}
restore() {
  cp -a /root/kept/. /
  rm -rf /root/kept
}

# A unit file from standard input; not started.
unit() {
  mkdir -p "$(dirname "/etc/systemd/system/$1")"
  cat >"/etc/systemd/system/$1"
  systemctl daemon-reload
}
# A program from standard input.
program() {
  mkdir -p "$(dirname "$1")"
  cat >"$1"
  chmod 755 "$1"
}
# A unit that `unit` made, or a drop-in's directory, goes.
drop() {
  systemctl kill --signal=KILL "$@" &>/dev/null || true
  systemctl disable -q --now "$@" &>/dev/null || true
  local name
  for name in "$@"; do rm -rf "/etc/systemd/system/$name" "/etc/systemd/system/$name.d"; done
  systemctl daemon-reload
  systemctl reset-failed "$@" &>/dev/null || true
}

is() { [ "$(systemctl show -P "$1" "$2")" = "$3" ]; }       # is PROPERTY UNIT VALUE
failed() { is ActiveState "$1" failed; }
looping() { [ "$(systemctl show -P NRestarts "$1")" -ge 3 ]; } # has come and gone three times
said() { journalctl -q -u "$1" | grep -q -- "$2"; }          # said UNIT PATTERN
status() { curl -sk -m 1 -o /dev/null -w '%{http_code}' "$1" | grep -q "$2"; } # status URL PATTERN

# certificate BASE NAME FROM TO: BASE.pem and BASE.key, times as `date` takes them
certificate() {
  local dir
  dir=$(mktemp -d)
  printf '%s\n' '[ca]' default_ca=a '[a]' "database=$dir/index" "new_certs_dir=$dir" rand_serial=yes policy=p \
    default_md=sha256 copy_extensions=copy '[p]' commonName=supplied >"$dir/config"
  : >"$dir/index"
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$2" \
    -addext "subjectAltName=DNS:$2,DNS:www.$2" -keyout "$1.key" -out "$dir/request" 2>/dev/null
  openssl ca -batch -selfsign -notext -config "$dir/config" -keyfile "$1.key" -in "$dir/request" -out "$1.pem" \
    -startdate "$(date -u -d "$3" +%Y%m%d%H%M%SZ)" -enddate "$(date -u -d "$4" +%Y%m%d%H%M%SZ)" 2>/dev/null
  rm -rf "$dir"
}
