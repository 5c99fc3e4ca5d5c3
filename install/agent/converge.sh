#!/bin/bash
# Makes this host what the version directory that this file lies in says, part by part: account, directories, pins, link,
# units, enrolment, start, record. Run as often as you like; it changes what differs and keeps who the host is. The
# installer, an update and a repair call it.
#
# converge.sh [--central URL --release-key FILE] [--replace] [--only PART,PART] [--reopen] [--supervised]
#   --replace     enrol although the host is enrolled
#   --only        these parts alone, in their own order; what runs is started anew when they changed something
#   --reopen      start lanes and agent anew although nothing has changed
#   --supervised  for an updater, of this version or an older one: starts anew, does not wait for the agent to connect, and
#                 takes nothing back: its caller watches and decides
# An install token, where one is needed, is read from standard input. Exit codes: those of install.sh.
set -euo pipefail
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 022

HERE=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
HOME_DIR=/opt/mttrly
CONFIG_DIR=/etc/mttrly
STATE_DIR=/var/lib/mttrly
ACT_DIR=/var/lib/mttrly-act
UNIT_DIR=/etc/systemd/system
SOCKET_DIR=/run/mttrly
COMMAND=/usr/local/sbin/mttrly-agent
ACCOUNT=mttrly
INSPECT_ACCOUNT=mttrly-inspect
DOCKER_ACCOUNT=mttrly-docker
NO_SHELL=/usr/sbin/nologin
LINK_FILE=/run/mttrly-agent/link.json
CONNECT_SECONDS=30
# Wherever systemd looks for units and drop-ins (agent/installation/unit-facts.ts has the same list).
UNIT_PLACES=(
  /etc/systemd/system.control /run/systemd/system.control /run/systemd/transient /run/systemd/generator.early
  "$UNIT_DIR" /run/systemd/system /run/systemd/generator /usr/local/lib/systemd/system /usr/lib/systemd/system
  /run/systemd/generator.late
)

say() { echo "mttrly: $*"; }
die() { # CODE WHAT [WHAT TO DO]
  echo "mttrly: $2" >&2
  [ $# -lt 3 ] || echo "  -> $3" >&2
  exit "$1"
}

parse_arguments() {
  central='' release_key='' replace='' only='' changed='' supervised=''
  while [ $# -gt 0 ]; do
    case $1 in
      --central) central=${2:?} && shift ;;
      --release-key) release_key=${2:?} && shift ;;
      --replace) replace=--replace ;;
      --only) only=${2:?} && shift ;;
      --reopen) changed=yes ;;
      --supervised) changed=yes supervised=yes ;;
      *) die 2 "no such option: $1" ;;
    esac
    shift
  done
}

wanted() { case ,${only:-$1}, in *",$1,"*) ;; *) return 1 ;; esac; }

as_daemon() { setpriv --reuid="$ACCOUNT" --regid="$ACCOUNT" --clear-groups -- "$@"; }

# No process of the daemon's account runs while root sees to what is the daemon's.
pause() {
  changed=yes
  systemctl stop --quiet mttrly-agent.service 2>/dev/null || true
}

account() {
  own_account "$ACCOUNT" "$STATE_DIR" 'mttrly agent'
  own_account "$INSPECT_ACCOUNT" /nonexistent 'mttrly inspect lane'
  own_account "$DOCKER_ACCOUNT" /nonexistent 'mttrly docker lane'
}

own_account() { # NAME HOME COMMENT
  local uid home shell
  if ! getent passwd "$1" >/dev/null; then
    pause
    getent group "$1" >/dev/null || groupadd --system "$1"
    useradd --system --gid "$1" --no-create-home --home-dir "$2" --shell "$NO_SHELL" --comment "$3" "$1"
    return 0
  fi
  IFS=: read -r _ _ uid _ _ home shell < <(getent passwd "$1")
  if [ "$uid" = 0 ] || { [ -n "$fresh" ] && [ "$home" != "$2" ]; }; then
    die 3 "the account $1 is here and is not ours" 'Rename or remove it.'
  fi
  # No password of it is anybody's to know. The inspect lane may not look at them, so this stands in no plan.
  case $(getent shadow "$1" | cut -d: -f2) in '!'* | '*'*) ;; *) usermod --lock "$1" ;; esac
  case $home:$shell:$(id -Gn "$1") in "$2":*/nologin:"$1" | "$2":*/false:"$1") return 0 ;; esac
  pause
  systemctl stop --quiet "mttrly-lane-${1#mttrly-}@*.service" 2>/dev/null || true # nobody's home is changed who is at it
  getent group "$1" >/dev/null || groupadd --system "$1"
  usermod --home "$2" --shell "$NO_SHELL" --gid "$1" --groups '' "$1"
}

directories() {
  local path
  for path in "$HOME_DIR" "$HOME_DIR/versions" "$HOME_DIR/runtime"; do
    [ ! -L "$path" ] || die 3 "$path is a link" 'Put a directory in its place and run the installer again.'
  done
  for path in "$CONFIG_DIR" "$ACT_DIR" "$STATE_DIR" "$SOCKET_DIR"; do
    if [ -L "$path" ] || { [ -e "$path" ] && [ ! -d "$path" ]; }; then rm -f "$path"; fi
  done
  install -d -m 0755 -o root -g root "$HOME_DIR" "$HOME_DIR/versions" "$HOME_DIR/runtime" "$CONFIG_DIR" "$SOCKET_DIR"
  install -d -m 0700 -o root -g root "$ACT_DIR"
  own_policy
  own_versions
  own_key
  # -links 1: who had the directory may have left a second name of another's file in it.
  find "$ACT_DIR" \( ! -user root -o ! -group root \) \( -type d -o -links 1 \) -exec chown -h root:root {} +
  find "$ACT_DIR" -type f -links 1 -perm /077 -exec chmod 0600 {} +
  own_state
}

# A link is the owner's: one that leads nowhere forbids everything until they mend it.
own_policy() {
  local policy=$CONFIG_DIR/policy.yaml
  if [ -d "$policy" ] && [ ! -L "$policy" ]; then rm -rf "$policy"; fi
  if [ ! -e "$policy" ] && [ ! -L "$policy" ]; then install -m 0644 "$HERE/policy.yaml" "$policy"; fi
  if [ -f "$policy" ] && [ ! -L "$policy" ]; then chown root:root "$policy" && chmod 0644 "$policy"; fi
}

# Of the redaction markers. Damaged it would stop the read lane.
own_key() {
  local key=$ACT_DIR/host-key
  if [ -f "$key" ] && [ "$(stat -c %s "$key")" = 32 ]; then return 0; fi
  rm -rf "$key"
  (umask 077 && head -c 32 /dev/urandom >"$key.new" && mv "$key.new" "$key")
}

own_versions() {
  find "$HOME_DIR" \( ! -user root -o ! -group root \) -exec chown -h root:root {} +
  find "$HOME_DIR" -type d ! -perm 0755 -exec chmod 0755 {} +
  own_modes agent "$HERE"
  own_modes runtime "$(dirname "$(readlink -f "$HERE/node")")"
  chmod 0644 "$HERE/manifest.json" "$HERE/manifest.sig"
}

own_modes() { # KIND DIR: what the manifest says of each file
  local mode path
  while read -r mode path; do
    if [ -f "$2/$path" ] && [ "$(readlink -f "$2/$path")" = "$2/$path" ]; then chmod "$mode" "$2/$path"; fi
  done < <(comm -13 <(find "$2" -type f -printf '0%m %P\n' | sort) <(
    sed -n "s/^{\"kind\":\"$1\",\"arch\":\"[^\"]*\",\"path\":\"\([^\"]*\)\",\"mode\":\"\([0-7]*\)\".*/\2 \1/p" "$HERE/manifest.json" | sort -u
  ))
}

own_state() {
  local path=$STATE_DIR
  if [ -d "$path" ] && [ -z "$(strange_state)" ]; then return 0; fi
  pause # who has the account could write into what runs as it, and that is in no sandbox
  install -d -m 0700 -o "$ACCOUNT" -g "$ACCOUNT" "$path"
  find "$path" -xdev \( -type d -o -links 1 \) -exec chown -h "$ACCOUNT:$ACCOUNT" {} +
  # shellcheck disable=SC2016  # expanded by the inner shell
  as_daemon sh -c 'cd "$0" || exit
    if [ -L journal ] || { [ -e journal ] && [ ! -d journal ]; }; then rm -f journal; fi
    if [ -d journal ]; then chmod 0700 journal; fi
    if [ -L identity.json ] || [ -d identity.json ]; then rm -rf identity.json; fi
    if [ -f identity.json ]; then chmod 0600 identity.json; fi' "$path"
}

# What in the daemon's directory is not as it should be.
strange_state() {
  find "$STATE_DIR" \( ! -user "$ACCOUNT" -o ! -group "$ACCOUNT" \
    -o -path "$STATE_DIR" ! -perm 0700 \
    -o -path "$STATE_DIR/journal" ! \( -type d -perm 0700 \) \
    -o -path "$STATE_DIR/identity.json" ! \( -type f -perm 0600 \) \) -print -quit
}

# Where updates come from and whose signature they carry: what root believes, not what the agent is told.
pins() {
  if [ -n "$release_key" ]; then rm -rf "$ACT_DIR/release-key.pem" && install -m 0600 "$release_key" "$ACT_DIR/release-key.pem"; fi
  if [ -n "$central" ]; then rm -rf "$ACT_DIR/central.url" && (umask 077 && printf '%s\n' "$central" >"$ACT_DIR/central.url"); fi
}

# A link is replaced by renaming, so that it names one version or the other at any moment.
point() { # TARGET LINK
  [ "$(readlink "$2" 2>/dev/null)" != "$1" ] || return 0
  changed=yes
  if [ -d "$2" ] && [ ! -L "$2" ]; then rm -rf "$2"; fi
  ln -s "$1" "$2.new.$$"
  mv -T "$2.new.$$" "$2"
  sync "$(dirname "$2")"
}

link() {
  local runtime arch
  case $(uname -m) in aarch64) arch=arm64 ;; *) arch=x64 ;; esac
  runtime=$(sed -n "s/^{\"kind\":\"runtime\",\"arch\":\"$arch\".*\"id\":\"\([0-9a-f]*\)\".*/\1/p" "$HERE/manifest.json")
  [ -z "$runtime" ] || point "../../runtime/$runtime/node" "$HERE/node"
  point "versions/$(basename "$HERE")" "$HOME_DIR/current"
  point "$HOME_DIR/current/mttrly-agent" "$COMMAND"
}

# A power cut leaves the old file or the new one.
put() { # FILE PATH
  install -m 0644 -o root -g root "$1" "$2.new.$$"
  sync "$2.new.$$"
  if [ -d "$2" ] && [ ! -L "$2" ]; then rm -rf "$2"; fi
  mv -T "$2.new.$$" "$2"
}

units() {
  local unit name place
  for unit in "$HERE"/units/*; do
    name=$(basename "$unit")
    if [ ! -L "$UNIT_DIR/$name" ] && cmp -s "$unit" "$UNIT_DIR/$name"; then
      chown root:root "$UNIT_DIR/$name" && chmod 0644 "$UNIT_DIR/$name"
      continue
    fi
    changed=yes
    put "$unit" "$UNIT_DIR/$name"
  done
  sync "$UNIT_DIR"
  for place in "${UNIT_PLACES[@]}"; do
    for unit in "$place"/mttrly-*; do
      if [ -e "$unit" ] || [ -L "$unit" ]; then drop_foreign "$unit"; fi
    done
  done
  if systemctl show -P NeedDaemonReload mttrly-agent.service "mttrly-lane-*.socket" 2>/dev/null | grep -q yes; then changed=yes; fi
  systemctl daemon-reload
}

# Masks, drop-ins, files that stand before ours, units of another version.
drop_foreign() { # PATH
  local name=${1##*/}
  if [ "$1" = "$UNIT_DIR/$name" ] && [ -e "$HERE/units/$name" ]; then return 0; fi
  case $1 in
    /run/systemd/system/mttrly-lane-*@.service.d) # written when the lane's socket opens
      if [ -n "$(find "$1" -mindepth 1 ! -name hidden.conf -print -quit)" ]; then changed=yes; fi
      find "$1" -mindepth 1 ! -name hidden.conf -delete
      rmdir --ignore-fail-on-non-empty "$1"
      return 0
      ;;
    *@.service | *.d | *.wants | *.requires) ;;
    *) [ -e "$HERE/units/$name" ] || systemctl disable --now --quiet "$name" 2>/dev/null || true ;;
  esac
  changed=yes
  rm -rf "$1"
}

on_node() { # PROGRAM ARGUMENTS
  local program=$HERE/$1
  shift
  NODE_USE_ENV_PROXY=1 "$HERE/node" --use-system-ca --disable-warning=ExperimentalWarning "$program" "$@"
}

enrolment() {
  local token why='' code=0
  if [ -z "$replace" ] && why=$(on_node host.mjs identity); then return 0; fi
  IFS= read -r token || [ -n "$token" ] ||
    die 2 "${why:-this host is to be enrolled}, and no install token came" 'Run the command of mttrly_bootstrap_recover.'
  [ -n "$central" ] || central=$(cat "$ACT_DIR/central.url")
  [ -z "$why" ] || [ -n "$fresh" ] || say "$why: enrolling again"
  if [ -d "$ACT_DIR/trust.json" ]; then rm -rf "$ACT_DIR/trust.json"; fi
  changed=yes
  printf '%s' "$token" | on_node agent.mjs enrol --central "$central" --token-stdin --data "$STATE_DIR" --act "$ACT_DIR" \
    --owner "$ACCOUNT" --replace 2>"$work/enrol.log" || code=$?
  case $code in
    0) say "enrolled at $central" ;;
    4) die 5 "Central did not take the token: $(detail)" 'Tokens are good once and for an hour: make a new one in the console.' ;;
    5) die 5 "Central could not be reached: $(detail)" 'Check name, route and certificate.' ;;
    *) die 1 "enrolment failed: $(tail -c 500 "$work/enrol.log")" ;;
  esac
}
detail() { sed -n 's/.*"detail":"\([^"]*\)".*/\1/p' "$work/enrol.log" | tail -1; }

start() {
  local sockets=() unit name door
  for unit in "$HERE"/units/*.socket; do
    name=$(basename "$unit")
    sockets+=("$name")
    door=$(sed -n 's/^ListenStream=//p' "$unit")
    if [ -z "$changed" ] && [ "$(stat -c '%F %a %U %G' "$door" 2>/dev/null)" = "socket 600 $ACCOUNT $ACCOUNT" ]; then continue; fi
    systemctl stop "$name"
    rm -rf "$door"
  done
  systemctl reset-failed --quiet 'mttrly-*' 2>/dev/null || true
  systemctl enable --quiet "${sockets[@]}" mttrly-agent.service
  # Once more, since a job of a lane that is just ending can be in the way. Not --quiet: that hides why it failed.
  systemctl start "${sockets[@]}" || { sleep 1 && systemctl start "${sockets[@]}"; }
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

# Connected, and of no use: what the host's owner must hear now and from nobody else.
warn_of_policy() {
  local why
  why=$(on_node host.mjs policy 2>/dev/null) || true
  [ -z "$why" ] || say "WARNING: $CONFIG_DIR/policy.yaml cannot be understood, so that everything is forbidden here: $why"
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
  if [ "$code" = 0 ] || [ "$code" = 6 ] || [ -n "$supervised" ]; then exit "$code"; fi
  if [ -n "$fresh" ]; then
    bash "$HERE/uninstall.sh" --keep-files >/dev/null 2>&1 || true
    [ -n "$had_config" ] || rm -rf "$CONFIG_DIR"
    echo 'mttrly: what had been done was taken back' >&2
  elif [ -n "$previous" ] && [ "$previous" != "$HERE" ] && [ -f "$previous/converge.sh" ]; then
    bash "$previous/converge.sh" </dev/null >/dev/null 2>&1 || true
    echo "mttrly: $(basename "$previous") is in place again" >&2
  else
    systemctl start --quiet --no-block mttrly-agent.service 2>/dev/null || true # it may have been paused
  fi
  exit "$code"
}

main() {
  work='' had_config=''
  parse_arguments "$@"
  [ "$(id -u)" = 0 ] || die 3 'this needs root'
  previous=$(readlink -f "$HOME_DIR/current" 2>/dev/null || true)
  case $previous in "$HOME_DIR"/versions/*) ;; *) previous='' ;; esac
  fresh=yes
  if [ -e "$ACT_DIR" ] || [ -e "$STATE_DIR" ] || [ -L "$HOME_DIR/current" ]; then fresh=''; fi
  if [ -e "$CONFIG_DIR" ]; then had_config=yes; fi
  trap take_back EXIT
  trap 'exit 1' INT TERM HUP
  work=$(mktemp -d)
  wanted account && account
  wanted directories && directories
  wanted pins && pins
  wanted link && link
  wanted units && units
  [ -n "$supervised" ] || ! wanted enrolment || enrolment # an updater has no token, and leaves the host who it is
  if [ -n "$changed" ] || wanted start; then start; fi # what runs is what was changed
  wanted record && record
  sync -f "$UNIT_DIR" "$ACT_DIR" # before anybody is told that it is done
  if [ -n "$supervised" ] || { [ -z "$changed" ] && ! wanted start; }; then return 0; fi
  wait_connected ||
    die 6 'installed, but not connected yet; the agent keeps trying' "journalctl -u mttrly-agent says why; the port of the link must be open."
  say "connected ($(basename "$HERE"))"
  warn_of_policy
}

{ main "$@"; exit; }
