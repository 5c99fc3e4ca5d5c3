#!/bin/bash
# A real systemd host for the tests: Debian bookworm in systemd-nspawn, also where PID 1 is not systemd. Needs root.
#   guest.sh base                   builds the root file system once, in the user's cache (debootstrap)
#   guest.sh layer NAME             what the script on standard input makes of it, once, in the cache; prints its path
#   guest.sh up NAME                boots a guest on a throw-away overlay of it, and of GUEST_LAYER; it shares the host's network
#   guest.sh sh NAME COMMAND…       runs a command inside, as a process of the guest's own systemd
#   guest.sh reboot NAME            restarts the guest's PID 1, and waits
#   guest.sh cut NAME               kills the guest as a power cut does; `start NAME` boots it again on the same files
#   guest.sh down NAME              ends the guest and removes all that was made for it
set -euo pipefail

HOME_OF_GUESTS=${XDG_CACHE_HOME:-$HOME/.cache}/mttrly-guest
BASE=$HOME_OF_GUESTS/bookworm-1
LOWER=${GUEST_LAYER:+$GUEST_LAYER:}$BASE
RUN=$HOME_OF_GUESTS/run
ENTER=(-m -u -i -p -n -C -r -w)
PACKAGES=systemd,systemd-sysv,dbus,libpam-systemd,libnss-systemd,curl,openssl,ca-certificates,procps,iproute2

log() { echo "[guest] $*" >&2; }

base() {
  mkdir -p "$HOME_OF_GUESTS"
  exec {lock}>"$HOME_OF_GUESTS/base.lock"
  flock "$lock"
  if [ ! -d "$BASE" ]; then
    local mirror
    mirror=$(awk '/^URIs:/ { print $2; exit }' /etc/apt/sources.list.d/debian.sources 2>/dev/null || true)
    rm -rf "$BASE.partial"
    debootstrap --variant=minbase --include=$PACKAGES bookworm "$BASE.partial" "${mirror:-http://deb.debian.org/debian}" >&2
    rm -rf "$BASE.partial"/var/cache/apt/archives/*.deb
    mv "$BASE.partial" "$BASE"
  fi
  exec {lock}>&-
}

# The script runs in a container that is not booted, on the host's network. Older layers of the same kind (NAME up to its
# last dash) go.
layer() {
  local dir=$HOME_OF_GUESTS/layers/$1
  base
  exec {lock}>"$HOME_OF_GUESTS/layer.lock"
  flock "$lock"
  if [ ! -d "$dir" ]; then
    rm -rf "$HOME_OF_GUESTS/layers/${1%-*}"-*
    mkdir -p "$dir.partial"/{upper,work,root}
    mount -t overlay overlay -o "lowerdir=$BASE,upperdir=$dir.partial/upper,workdir=$dir.partial/work" "$dir.partial/root"
    # shellcheck disable=SC2086  # words are meant to split
    systemd-nspawn ${GUEST_ARGS:-} --quiet --register=no --keep-unit --pipe --timezone=off --resolv-conf=copy-host \
      "--directory=$dir.partial/root" --setenv=DEBIAN_FRONTEND=noninteractive /bin/bash -s >&2 || {
      umount "$dir.partial/root"
      return 1
    }
    umount "$dir.partial/root"
    mv "$dir.partial/upper" "$dir"
    rm -rf "$dir.partial"
  fi
  exec {lock}>&-
  echo "$dir"
}

# The path of this shell's cgroup in the v1 hierarchy $1; '' is v2.
own_cgroup() {
  awk -F: -v want="$1" '
    { n = split($2, names, ","); for (i = 1; i <= n; i++) if (names[i] == want) { print $3; exit } }
    want == "" && $1 == "0" { print $3; exit }' /proc/self/cgroup
}

cgroups_of() {
  local controller own
  for controller in cpu cpuacct memory pids blkio devices freezer; do
    [ -d "/sys/fs/cgroup/$controller" ] || continue
    own=$(own_cgroup "$controller")
    echo "/sys/fs/cgroup/$controller${own%/}/guest-$1"
  done
  if [ -d /sys/fs/cgroup/systemd ]; then
    own=$(own_cgroup name=systemd)
    echo "/sys/fs/cgroup/systemd${own%/}/guest-$1"
  fi
  if [ -d /sys/fs/cgroup/unified ]; then
    own=$(own_cgroup '')
    echo "/sys/fs/cgroup/unified${own%/}/guest-$1"
  fi
}

leader() { # the host's pid of the guest's PID 1
  local nspawn
  nspawn=$(cat "$RUN/$1/nspawn.pid" 2>/dev/null) && pgrep -P "$nspawn" | head -1
}

wait_up() {
  local state='' pid
  for _ in $(seq 1 600); do
    pid=$(leader "$1" || true)
    if [ -n "$pid" ]; then
      state=$(nsenter -t "$pid" "${ENTER[@]}" systemctl is-system-running 2>/dev/null || true)
      case $state in running | degraded) return 0 ;; esac
    fi
    sleep 0.1
  done
  log "$1 is not up after a minute: '$state'"
  return 1
}

# The v1 controllers are mounted read-only by nspawn. This is PID 1 for an instant: it makes them writable and becomes
# systemd, so that MemoryMax=, TasksMax= and CPUQuota= bite.
guest_init() {
  cat <<'INIT'
#!/bin/sh
for controller in memory pids cpu cpuacct blkio freezer; do
  [ -d /sys/fs/cgroup/$controller ] && mount -o remount,bind,rw,nosuid,nodev,noexec /sys/fs/cgroup/$controller
done 2>/dev/null
exec /lib/systemd/systemd "$@"
INIT
}

start() {
  local dir=$RUN/$1 arguments
  # shellcheck disable=SC2206  # words are meant to split
  arguments=(${GUEST_ARGS:-} --quiet --register=no --keep-unit "--directory=$dir/root" "--machine=$1" --console=pipe
    --kill-signal=SIGRTMIN+3 --resolv-conf=off --timezone=off)
  mountpoint -q "$dir/root" || mount -t overlay overlay -o "lowerdir=$LOWER,upperdir=$dir/upper,workdir=$dir/work" "$dir/root"
  cgroups_of "$1" >"$dir/cgroups"
  (
    while read -r cgroup; do
      mkdir -p "$cgroup"
      echo "$BASHPID" >"$cgroup/cgroup.procs"
    done <"$dir/cgroups"
    set +e
    while :; do # with --keep-unit nspawn does not restart its guest itself: on reboot it ends with 133
      systemd-nspawn "${arguments[@]}" /usr/local/sbin/guest-init &
      echo $! >"$dir/nspawn.pid"
      wait $!
      [ $? = 133 ] || break
    done
    rm -f "$dir/nspawn.pid"
  ) </dev/null >>"$dir/console.log" 2>&1 &
  wait_up "$1"
}

up() {
  local dir=$RUN/$1
  base
  mkdir -p "$dir"/{upper,work,root}
  mount -t overlay overlay -o "lowerdir=$LOWER,upperdir=$dir/upper,workdir=$dir/work" "$dir/root"
  echo "$1" >"$dir/root/etc/hostname"
  printf '127.0.0.1 localhost %s\n' "$1" >"$dir/root/etc/hosts"
  : >"$dir/root/etc/machine-id"
  cp /etc/resolv.conf "$dir/root/etc/resolv.conf"
  guest_init >"$dir/root/usr/local/sbin/guest-init"
  chmod 755 "$dir/root/usr/local/sbin/guest-init"
  start "$1"
}

inside() {
  local name=$1 pid
  shift
  pid=$(leader "$name") || { log "$name does not run"; return 125; }
  exec nsenter -t "$pid" "${ENTER[@]}" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    systemd-run --quiet --pipe --wait --collect --service-type=exec -E HOME=/root -E LANG=C.UTF-8 \
    -E PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

reboot() {
  local before now=''
  before=$(leader "$1")
  (inside "$1" systemctl reboot) >/dev/null 2>&1 || true
  for _ in $(seq 1 400); do
    now=$(leader "$1" || true)
    [ -n "$now" ] && [ "$now" != "$before" ] && break
    sleep 0.1
  done
  wait_up "$1"
}

# Ends nspawn and, since a unit that refuses to stop outlives it, the guest's own PID 1.
cut() {
  local nspawn pid
  nspawn=$(cat "$RUN/$1/nspawn.pid" 2>/dev/null || true)
  pid=$(leader "$1" || true)
  [ -z "$nspawn" ] || kill -KILL "$nspawn" 2>/dev/null || true
  if [ -n "$pid" ] && grep -qa '^Name:.systemd' "/proc/$pid/status" 2>/dev/null; then kill -KILL "$pid" 2>/dev/null || true; fi
  for _ in $(seq 1 100); do
    [ -e "$RUN/$1/nspawn.pid" ] || return 0
    sleep 0.1
  done
}

down() {
  local dir=$RUN/$1 cgroup
  [ -d "$dir" ] || return 0
  cut "$1" || true
  for _ in $(seq 1 50); do
    mountpoint -q "$dir/root" || break
    umount "$dir/root" 2>/dev/null || sleep 0.1
  done
  mountpoint -q "$dir/root" && umount -l "$dir/root"
  while read -r cgroup; do
    find "$cgroup" -depth -type d -exec rmdir {} \; 2>/dev/null || true
  done <"$dir/cgroups"
  rm -rf "$dir"
}

verb=${1:?a verb}
shift
case $verb in
  base) base ;;
  layer) layer "${1:?a name}" ;;
  up | start | reboot | cut | down) "$verb" "${1:?a name}" ;;
  sh) inside "$@" ;;
  root) echo "$RUN/${1:?a name}/root" ;;
  *) sed -n '2,9p' "$0" >&2; exit 2 ;;
esac
