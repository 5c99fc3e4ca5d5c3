#!/bin/bash
# Makes this host what the version directory that this file lies in says: account, directories, units, link, pins. Run
# as often as you like; it changes what differs and keeps who the host is. The installer, an update and a repair call it.
#
# converge.sh [--central URL --release-key FILE] [--replace]      an install token, where one is needed, on standard input
# Exit codes: those of install.sh.
set -euo pipefail
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 022

HERE=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
HOME_DIR=/opt/mttrly
CONFIG_DIR=/etc/mttrly
STATE_DIR=/var/lib/mttrly
ACT_DIR=/var/lib/mttrly-act
UNIT_DIR=/etc/systemd/system
COMMAND=/usr/local/sbin/mttrly-agent
ACCOUNT=mttrly
LINK_FILE=/run/mttrly-agent/link.json
CONNECT_SECONDS=30

say() { echo "mttrly: $*"; }
die() { # CODE WHAT [WHAT TO DO]
  echo "mttrly: $2" >&2
  [ $# -lt 3 ] || echo "  -> $3" >&2
  exit "$1"
}

parse_arguments() {
  central='' release_key='' replace=''
  while [ $# -gt 0 ]; do
    case $1 in
      --central) central=${2:?} && shift ;;
      --release-key) release_key=${2:?} && shift ;;
      --replace) replace=--replace ;;
      *) die 2 "no such option: $1" ;;
    esac
    shift
  done
}

make_account() {
  local passwd
  if passwd=$(getent passwd "$ACCOUNT"); then
    [ "$(cut -d: -f6 <<<"$passwd")" = "$STATE_DIR" ] || die 3 "the account $ACCOUNT is here and is not ours" 'Rename or remove it.'
    return 0
  fi
  getent group "$ACCOUNT" >/dev/null || groupadd --system "$ACCOUNT"
  useradd --system --gid "$ACCOUNT" --no-create-home --home-dir "$STATE_DIR" --shell /usr/sbin/nologin --comment 'mttrly agent' "$ACCOUNT"
}

make_directories() {
  install -d -m 0755 -o root -g root "$HOME_DIR" "$CONFIG_DIR"
  install -d -m 0700 -o root -g root "$ACT_DIR"
  install -d -m 0700 -o "$ACCOUNT" -g "$ACCOUNT" "$STATE_DIR"
  if [ ! -e "$CONFIG_DIR/policy.yaml" ]; then install -m 0644 "$HERE/policy.yaml" "$CONFIG_DIR/policy.yaml"; fi
}

# Where updates come from and whose signature they carry: what root believes, not what the agent is told.
write_pins() {
  if [ -n "$release_key" ]; then install -m 0600 "$release_key" "$ACT_DIR/release-key.pem"; fi
  if [ -n "$central" ]; then (umask 077 && printf '%s\n' "$central" >"$ACT_DIR/central.url"); fi
}

# A link is replaced by renaming, so that it names one version or the other at any moment.
point() { # TARGET LINK
  [ "$(readlink "$2" 2>/dev/null)" != "$1" ] || return 0
  changed=yes
  ln -s "$1" "$2.new.$$"
  mv -T "$2.new.$$" "$2"
}

write_units() {
  local unit name
  for unit in "$HERE"/units/*; do
    name=$(basename "$unit")
    rm -f "/run/systemd/system/$name"
    if [ ! -L "$UNIT_DIR/$name" ] && cmp -s "$unit" "$UNIT_DIR/$name"; then
      chmod 0644 "$UNIT_DIR/$name"
      continue
    fi
    changed=yes
    install -m 0644 "$unit" "$UNIT_DIR/$name"
  done
  for unit in "$UNIT_DIR"/mttrly-agent.service "$UNIT_DIR"/mttrly-lane-*; do # of another version
    name=$(basename "$unit")
    if [ ! -f "$unit" ] || [ -e "$HERE/units/$name" ]; then continue; fi
    case $name in *@.service) ;; *) systemctl disable --now --quiet "$name" 2>/dev/null || true ;; esac
    rm -f "$unit"
  done
  systemctl daemon-reload
}

enrolled() { [ -e "$STATE_DIR/identity.json" ] && [ -e "$ACT_DIR/trust.json" ]; }

enrol() {
  local token code=0
  if enrolled && [ -z "$replace" ]; then return 0; fi
  IFS= read -r token || [ -n "$token" ] || die 2 'this host is not enrolled, and no install token came'
  [ -n "$central" ] || central=$(cat "$ACT_DIR/central.url")
  # Half an identity (one of the two files) is none: it is enrolled again.
  printf '%s' "$token" | NODE_USE_ENV_PROXY=1 "$HERE/node" --use-system-ca --disable-warning=ExperimentalWarning \
    "$HERE/agent.mjs" enrol --central "$central" --token-stdin --data "$STATE_DIR" --act "$ACT_DIR" --owner "$ACCOUNT" --replace \
    2>"$work/enrol.log" || code=$?
  changed=yes
  case $code in
    0) say "enrolled at $central" ;;
    4) die 5 "Central did not take the token: $(detail)" 'Tokens are good once and for an hour: make a new one in the console.' ;;
    5) die 5 "Central could not be reached: $(detail)" 'Check name, route and certificate.' ;;
    *) die 1 "enrolment failed: $(tail -c 500 "$work/enrol.log")" ;;
  esac
}
detail() { sed -n 's/.*"detail":"\([^"]*\)".*/\1/p' "$work/enrol.log" | tail -1; }

start() {
  local sockets=() unit
  for unit in "$HERE"/units/*.socket; do sockets+=("$(basename "$unit")"); done
  if [ -n "$changed" ]; then systemctl stop --quiet "${sockets[@]}"; fi
  systemctl enable --quiet --now "${sockets[@]}"
  systemctl enable --quiet mttrly-agent.service
  systemctl reset-failed --quiet mttrly-agent.service 2>/dev/null || true
  if [ -n "$changed" ]; then systemctl restart mttrly-agent.service; else systemctl start mttrly-agent.service; fi
}

connected() { grep -qs '"state":"up"' "$LINK_FILE"; }
wait_connected() {
  local tenth
  for ((tenth = 0; tenth < CONNECT_SECONDS * 10; tenth++)); do
    if connected; then return 0; fi
    sleep 0.1
  done
  return 1
}

# Everything made here, with what it should be: health is judged against it, and it says what is ours.
ours() {
  find "$HOME_DIR" "$CONFIG_DIR" "$UNIT_DIR"/mttrly-* "$COMMAND" "$ACT_DIR"/*.pem "$ACT_DIR/central.url" "$ACT_DIR/trust.json" \
    -printf '%y %m %u %g %p\n' 2>/dev/null | sort -k5
  stat -c 'd %a %U %G %n' "$STATE_DIR" "$ACT_DIR"
}
record() {
  local kind mode owner group path more separator=''
  {
    printf '{\n"format":1,\n"version":"%s",\n"account":"%s",\n"paths":[' "$(basename "$HERE")" "$ACCOUNT"
    while read -r kind mode owner group path; do
      case $kind in
        f) more=",\"sha256\":\"$(sha256sum <"$path" | cut -d' ' -f1)\"" ;;
        l) more=",\"target\":\"$(readlink "$path")\"" ;;
        *) more='' ;;
      esac
      printf '%s\n{"path":"%s","kind":"%s","mode":"%04o","owner":"%s","group":"%s"%s}' \
        "$separator" "$path" "$kind" "0$mode" "$owner" "$group" "$more"
      separator=,
    done < <(ours)
    printf '\n]\n}\n'
  } >"$ACT_DIR/.installed.json.new"
  chmod 0600 "$ACT_DIR/.installed.json.new"
  sync "$ACT_DIR/.installed.json.new"
  mv "$ACT_DIR/.installed.json.new" "$ACT_DIR/installed.json"
}

# A host that had nothing has nothing again; one that had a version has that version again.
# shellcheck disable=SC2317  # called by the trap
take_back() {
  local code=$?
  trap - EXIT
  rm -rf "${work:-}"
  if [ "$code" = 0 ] || [ "$code" = 6 ]; then exit "$code"; fi
  if [ -n "$fresh" ]; then
    bash "$HERE/uninstall.sh" --keep-files >/dev/null 2>&1 || true
    rm -rf "$CONFIG_DIR"
    echo 'mttrly: what had been done was taken back' >&2
  elif [ -n "$previous" ] && [ "$previous" != "$HERE" ] && [ -f "$previous/converge.sh" ]; then
    bash "$previous/converge.sh" </dev/null >/dev/null 2>&1 || true
    echo "mttrly: $(basename "$previous") is in place again" >&2
  fi
  exit "$code"
}

main() {
  changed='' work=''
  parse_arguments "$@"
  [ "$(id -u)" = 0 ] || die 3 'this needs root'
  previous=$(readlink -f "$HOME_DIR/current" 2>/dev/null || true)
  fresh=yes
  if [ -e "$ACT_DIR" ] || [ -e "$STATE_DIR" ] || [ -L "$HOME_DIR/current" ]; then fresh=''; fi
  trap take_back EXIT
  trap 'exit 1' INT TERM HUP
  work=$(mktemp -d)
  make_account
  make_directories
  write_pins
  point "versions/$(basename "$HERE")" "$HOME_DIR/current"
  point "$HOME_DIR/current/mttrly-agent" "$COMMAND"
  write_units
  enrol
  start
  record
  wait_connected ||
    die 6 'installed, but not connected yet; the agent keeps trying' "journalctl -u mttrly-agent says why; the port of the link must be open."
  say "connected ($(basename "$HERE"))"
}

{ main "$@"; exit; }
