#!/bin/bash
# Takes the agent off this host: afterwards nothing of it is left but what the host's own journal holds. Central keeps
# the server's history; remove the server in the console.
#
# uninstall.sh [--keep-files]      --keep-files leaves /opt/mttrly and /etc/mttrly (the installer takes its own back)
set -euo pipefail
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

UNIT_DIR=/etc/systemd/system
ACCOUNTS=(mttrly-docker mttrly-inspect mttrly)

# A lane that removed itself would end in the middle: the work moves to a unit of its own, which leaves nothing behind.
move_out() {
  grep -q 'mttrly-' /proc/self/cgroup || return 0
  local copy
  copy=$(mktemp /run/mttrly-uninstall.XXXXXX)
  cp "${BASH_SOURCE[0]}" "$copy"
  # shellcheck disable=SC2016  # expanded by the inner shell
  exec systemd-run --quiet --collect --unit=uninstall-of-mttrly /bin/bash -c 'sleep 2; bash "$0" "$@"; rm -f "$0"' "$copy" "$@"
}

stop_units() {
  local units
  systemctl disable --quiet --now mttrly-agent.service 2>/dev/null || true
  units=$(systemctl list-unit-files --no-legend 'mttrly-*' | awk '{ print $1 }' | grep -v '@' || true)
  # shellcheck disable=SC2086  # words are meant to split
  [ -z "$units" ] || systemctl disable --quiet --now $units 2>/dev/null || true
  units=$(systemctl list-units --all --no-legend --plain 'mttrly-*' | awk '{ print $1 }')
  # shellcheck disable=SC2086
  [ -z "$units" ] || systemctl stop --quiet $units 2>/dev/null || true
  systemctl stop --quiet 'system-mttrly*.slice' 2>/dev/null || true # made by systemd for the instances of a template
}

remove_units() {
  rm -rf "$UNIT_DIR"/mttrly-* /run/systemd/system/mttrly-* "$UNIT_DIR"/*.wants/mttrly-*
  rm -rf /etc/systemd/system.control/mttrly-* /run/systemd/system.control/mttrly-* # of `systemctl set-property`
  systemctl daemon-reload
  systemctl reset-failed 'mttrly-*' 2>/dev/null || true
}

remove_accounts() {
  local account
  for account in "${ACCOUNTS[@]}"; do
    if getent passwd "$account" >/dev/null; then userdel "$account"; fi
    if getent group "$account" >/dev/null; then groupdel "$account"; fi
  done
}

remove_files() {
  rm -rf /var/lib/mttrly /var/lib/mttrly-act /run/mttrly /run/mttrly-agent
  rm -f /usr/local/sbin/mttrly-agent
  if [ "${1-}" != --keep-files ]; then
    rm -rf /opt/mttrly /etc/mttrly
  else
    rm -f /opt/mttrly/current
  fi
}

main() {
  case ${1-} in '' | --keep-files) ;; *) echo 'usage: uninstall.sh [--keep-files]' >&2 && exit 2 ;; esac
  [ "$(id -u)" = 0 ] || { echo 'mttrly: this needs root' >&2 && exit 3; }
  cd /
  move_out "$@"
  stop_units
  remove_units
  remove_files "$@"
  remove_accounts
  echo 'mttrly: removed'
}

{ main "$@"; exit; }
