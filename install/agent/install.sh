#!/bin/bash
# Installs the mttrly agent on a Linux server with systemd, or brings an installed one back to what it should be.
# Central serves this file at /install.sh with its own address, CA and release key filled in. Nothing runs before the
# last line has arrived; nothing is unpacked before its signature and its hash are right; what fails is taken back.
#
# bash install.sh (--token-stdin | --token-file FILE) [options]     (--help says which)
set -euo pipefail
export LC_ALL=C
umask 022

PUBLIC_URL='@PUBLIC_URL@'
CA_FINGERPRINT='@CA_FINGERPRINT@'
RELEASE_KEY_PEM='@RELEASE_KEY_PEM@'

HOME_DIR=/opt/mttrly
STATE_DIR=/var/lib/mttrly
ACT_DIR=/var/lib/mttrly-act
CLOCK_SECONDS=300
SYSTEMD_VERSION=247
SLACK_KIB=65536
MANIFEST_BYTES=1048576
ARTIFACT_BYTES=268435456

# Exit codes: 1 fault, 2 usage, 3 this host does not fit, 4 the release is not what it should be or cannot be had,
# 5 Central did not take the token, 6 installed, but not connected yet.

usage() {
  cat <<'TEXT'
usage: bash install.sh (--token-stdin | --token-file FILE) [options]
  --token-stdin       the install token is the first line of standard input
  --token-file FILE   … of that file
  --mirror DIR|URL    take the release from there instead of Central; it is verified in the same way
  --proxy URL         reach Central over this HTTP proxy (https_proxy is respected too)
  --replace           enrol again although this host is enrolled
  --allow-older       put an older version in the place of a newer one, also one that was withdrawn
  --dry-run           check everything, say what would be done, change nothing
An enrolled host needs no token: the run repairs what is missing or changed and keeps who it is. With a token, a host
whose identity cannot be used any more (damaged, expired) is enrolled again.
TEXT
}

say() { echo "mttrly: $*"; }
die() { # CODE WHAT [WHAT TO DO]
  echo "mttrly: $2" >&2
  [ $# -lt 3 ] || echo "  -> $3" >&2
  exit "$1"
}

parse_arguments() {
  token_from='' mirror='' replace='' allow_older='' dry_run=''
  while [ $# -gt 0 ]; do
    case $1 in
      --token-stdin) token_from=stdin ;;
      --token-file) token_from=${2:?--token-file takes a file} && shift ;;
      --mirror) mirror=${2:?--mirror takes a directory or an address} && shift ;;
      --proxy) export https_proxy=${2:?--proxy takes an address} http_proxy=$2 && shift ;;
      --replace) replace=--replace ;;
      --allow-older) allow_older=yes ;;
      --dry-run) dry_run=yes ;;
      --help) usage && exit 0 ;;
      *) usage >&2 && exit 2 ;;
    esac
    shift
  done
}

# What follows this script on the same pipe is the token. Nothing that runs later may read from there.
read_token() {
  token=''
  case $token_from in
    '') ;;
    stdin) IFS= read -r -t 60 token || [ -n "$token" ] || die 2 'no token came on standard input' ;;
    *)
      [ -r "$token_from" ] || die 2 "$token_from cannot be read"
      IFS= read -r token <"$token_from" || [ -n "$token" ] || die 2 "$token_from is empty"
      ;;
  esac
  exec </dev/null
  [ -n "$token_from" ] || return 0
  [[ $token =~ ^mtti_[A-Za-z0-9_-]{43}\.[0-9a-f]{64}$ ]] ||
    die 2 'that is no install token' 'Copy the whole command from the console again.'
  [ "${token#*.}" = "$CA_FINGERPRINT" ] ||
    die 5 'the token is of another Central than this installer, or older than its authority' "Make a new one at $PUBLIC_URL."
}

check_root() {
  [ "$(id -u)" = 0 ] || die 3 'the agent is installed by root' 'Put sudo in front of bash.'
}

check_host() {
  local missing='' tool systemd
  for tool in openssl tar gzip sha256sum flock setpriv awk sed df getent useradd readlink systemctl; do
    command -v "$tool" >/dev/null || missing="$missing $tool"
  done
  command -v curl >/dev/null || command -v wget >/dev/null || missing="$missing curl"
  [ -z "$missing" ] || die 3 "missing here:$missing" 'Install them with the package manager of this host.'
  case $(uname -m) in
    x86_64) arch=x64 ;;
    aarch64) arch=arm64 ;;
    *) die 3 "there is no agent for $(uname -m)" 'It runs on x86_64 and aarch64.' ;;
  esac
  [ -d /run/systemd/system ] || die 3 'this host does not run systemd' 'From a checkout the agent runs without it.'
  systemd=$(systemctl --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
  [ "${systemd:-0}" -ge "$SYSTEMD_VERSION" ] ||
    die 3 "systemd is ${systemd:-unknown}" "The lanes need $SYSTEMD_VERSION or later (Debian 11, Ubuntu 22.04, RHEL 9)."
  if [ -e /lib/ld-musl-x86_64.so.1 ] && ! getconf GNU_LIBC_VERSION >/dev/null 2>&1; then
    die 3 'this host is built on musl' 'The agent needs glibc 2.28 or later.'
  fi
}

# One at a time. A lock on a directory leaves no file; once ours is there, nobody but root can take it (agent/installation/layout.ts).
lock() {
  local at=$ACT_DIR
  [ -e "$at/installed.json" ] || at=/opt
  exec 9<"$at"
  flock -n 9 || die 1 'another installation is under way' 'Wait until it has ended.'
}

# download URL FILE MAX_BYTES
download() {
  local why
  if command -v curl >/dev/null; then
    why=$(curl -fsS --proto '=http,https' --connect-timeout 15 --max-time 900 --retry 2 --max-filesize "$3" -o "$2" "$1" 2>&1) && return 0
  else
    why=$(wget -nv -T 30 -t 3 -O "$2" "$1" 2>&1) && return 0
  fi
  die 4 "$1 cannot be downloaded: ${why##*$'\n'}" 'Check the route to Central; --proxy and --mirror are there for hosts without one.'
}

# release_file NAME FILE MAX_BYTES: from the mirror, or from Central
release_file() {
  case $mirror in
    '') download "$PUBLIC_URL/releases/$1" "$2" "$3" ;;
    http://* | https://*) download "${mirror%/}/$1" "$2" "$3" ;;
    *) cp -- "$mirror/$1" "$2" 2>/dev/null || die 4 "$mirror/$1 is not there" 'The mirror is a whole release directory.' ;;
  esac
}

# The clock of Central, in seconds; nothing when it cannot be had. What Central serves is left beside.
central_clock() {
  local headers
  if command -v curl >/dev/null; then
    headers=$(curl -sS --connect-timeout 15 --max-time 30 -o "$work/served" -D - "$PUBLIC_URL/v1/version" 2>&1) || {
      echo "${headers##*$'\n'}" >&2
      return 1
    }
  else
    headers=$(wget -q -S -T 30 -t 1 -O "$work/served" "$PUBLIC_URL/v1/version" 2>&1) || true
  fi
  headers=$(sed -n 's/^ *[Dd]ate: *\([^\r]*\).*/\1/p' <<<"$headers" | tail -1)
  [ -z "$headers" ] || date -d "$headers" +%s 2>/dev/null || true
}

check_central() {
  local theirs ours off
  theirs=$(central_clock) ||
    die 4 "Central does not answer at $PUBLIC_URL" 'Check name, route and certificate (a clock that is years off breaks TLS).'
  [ -n "$theirs" ] || return 0
  ours=$(date +%s)
  off=$((ours > theirs ? ours - theirs : theirs - ours))
  [ "$off" -le "$CLOCK_SECONDS" ] ||
    die 3 "the clock of this host is $off seconds away from Central's" 'Set it (timedatectl set-ntp true) and run this again.'
}

web_page() { head -c 512 "$1" | grep -qai '<!doctype\|<html\|<head'; }

# The manifest is read only after its signature has been found good.
get_manifest() {
  local name
  release_file manifest.json "$work/manifest.json" "$MANIFEST_BYTES"
  release_file manifest.sig "$work/manifest.sig" "$MANIFEST_BYTES"
  for name in manifest.json manifest.sig; do
    ! web_page "$work/$name" ||
      die 4 "a web page came instead of $name" 'A proxy or a sign-in page stands between this host and Central.'
  done
  printf '%s\n' "$RELEASE_KEY_PEM" >"$work/release-key.pem"
  openssl dgst -sha256 -verify "$work/release-key.pem" -signature "$work/manifest.sig" "$work/manifest.json" >/dev/null 2>&1 ||
    die 4 'the signature of the release is wrong: nothing was installed' 'Tell whoever runs Central; do not go on.'
  version=$(plain_field version)
  [[ $version =~ ^[0-9A-Za-z][0-9A-Za-z.+-]{0,63}$ ]] || die 4 'the release has no version'
  [[ $(date -u +%Y-%m-%dT%H:%M:%S) < $(plain_field expires) ]] ||
    die 4 "the release $version has expired" 'Central needs a newer one.'
}

plain_field() { sed -n "s/^\"$1\":\"\{0,1\}\([^\",]*\).*/\1/p" "$work/manifest.json"; }
# artifact KIND: file sha256 size unpacked id
artifact() {
  sed -n "s/^{\"kind\":\"$1\",\"arch\":\"$arch\",\"file\":\"\([^\"/]*\)\",\"sha256\":\"\([0-9a-f]\{64\}\)\",\"size\":\([0-9]*\),\"unpacked\":\([0-9]*\)\(,\"id\":\"\([0-9a-f]*\)\"\)\{0,1\}.*/\1 \2 \3 \4 \6/p" "$work/manifest.json"
}
contents() {
  sed -n "s/^{\"kind\":\"$1\",\"arch\":\"\($arch\|any\)\",\"path\":\"\([^\"]*\)\",\"mode\":\"[0-7]*\",\"sha256\":\"\([0-9a-f]\{64\}\)\".*/\3  \2/p" "$work/manifest.json"
}

read_artifacts() {
  local _size
  read -r agent_file agent_hash agent_size agent_unpacked _size < <(artifact agent) || die 4 "the release has no agent for $arch"
  read -r node_file node_hash node_size node_unpacked node_id < <(artifact runtime) || die 4 "the release has no runtime for $arch"
  [ -n "$node_id" ] || die 4 'the release names no runtime'
  version_dir=$HOME_DIR/versions/$version
  runtime_dir=$HOME_DIR/runtime/$node_id
}

# The oldest version that may be installed, as Central serves it, as this host was told and as the release says itself.
floors() {
  sed -n 's/.*"minimum_version":"\([^"]*\)".*/\1/p' "$work/served" 2>/dev/null || true
  echo # what is served does not end its line
  cat "$ACT_DIR/minimum-version" 2>/dev/null || true
  plain_field minimum_version
}

check_age() {
  local current floor
  [ -z "$allow_older" ] || return 0
  current=$(basename "$(readlink "$HOME_DIR/current" 2>/dev/null || true)")
  at_least "$current" ||
    die 4 "this host has $current, and the release is only $version" '--allow-older installs it all the same.'
  while read -r floor; do
    at_least "$floor" ||
      die 4 "the release $version was withdrawn: the oldest that may be installed is $floor" '--allow-older installs it all the same.'
  done < <(floors)
}

# at_least VERSION: the release is that or newer; what is no version asks for nothing
at_least() {
  [[ $1 =~ ^[0-9]+\.[0-9]+\.[0-9]+ ]] || return 0
  local newest
  newest=$(printf '%s\n' "${version/-/\~}" "${1/-/\~}" | sort -V | tail -1) # 1.0.0~rc comes before 1.0.0
  [ "$newest" = "${version/-/\~}" ]
}

# whole DIR KIND: every file of the manifest is there and unchanged
whole() { [ -d "$1" ] && contents "$2" | (cd "$1" && sha256sum --check --quiet --strict - >/dev/null 2>&1); }

check_space() {
  local need=0 at=$HOME_DIR free
  lacking=''
  whole "$version_dir" agent || lacking=agent need=$((need + agent_size + agent_unpacked))
  whole "$runtime_dir" runtime || lacking="$lacking runtime" need=$((need + node_size + node_unpacked))
  need=$((need / 1024 + SLACK_KIB))
  while [ ! -d "$at" ]; do at=$(dirname "$at"); done
  free=$(df -Pk "$at" | awk 'NR == 2 { print $4 }')
  [ "$free" -ge "$need" ] || die 3 "$at has $((free / 1024)) MB free, and $((need / 1024)) MB are needed" 'Make room and run this again.'
}

# get KIND FILE SHA256 DIR: where it is lacking: download, verify, unpack beside, put in place
get() {
  local kind=$1 file=$2 hash=$3 dir=$4
  case $lacking in *$kind*) ;; *) return 0 ;; esac
  mkdir -p "$staging"
  release_file "$file" "$staging/$file" "$ARTIFACT_BYTES"
  ! web_page "$staging/$file" ||
    die 4 "a web page came instead of $file" 'A proxy or a sign-in page stands between this host and Central.'
  sha256sum --check --quiet --strict - <<<"$hash  $staging/$file" >/dev/null 2>&1 ||
    die 4 "$file is not what the release says (cut, or changed on its way): it was not unpacked" 'Run this again; if it stays so, tell whoever runs Central.'
  mkdir -p "$staging/$kind" "$(dirname "$dir")"
  tar -xzf "$staging/$file" -C "$staging/$kind" --no-same-owner --no-same-permissions
  rm -f "$staging/$file"
  whole "$staging/$kind" "$kind" || die 4 "$file does not hold what the release says"
  rm -rf "$staging/old"
  if [ -e "$dir" ]; then mv "$dir" "$staging/old"; else made+=("$dir"); fi
  mv "$staging/$kind" "$dir"
}

# Who runs this decides what is installed: an update under way ends here.
end_update() {
  local unit record=$ACT_DIR/update.json
  for unit in /etc/systemd/system/multi-user.target.wants/mttrly-update@*.service; do
    if [ ! -L "$unit" ]; then continue; fi
    systemctl disable --now --quiet "${unit##*/}" 2>/dev/null || true
    rm -f "$record"
  done
}

put_in_place() {
  staging=$HOME_DIR/.staging
  [ -d "$HOME_DIR" ] || made+=("$HOME_DIR")
  rm -rf "$staging"
  get runtime "$node_file" "$node_hash" "$runtime_dir"
  get agent "$agent_file" "$agent_hash" "$version_dir"
  ln -sfn "../../runtime/$node_id/node" "$version_dir/node"
  cp "$work/manifest.json" "$work/manifest.sig" "$version_dir/"
  chmod 0755 "$runtime_dir/node"
  "$version_dir/node" --version >/dev/null 2>&1 || die 3 'the runtime does not start on this host' 'It needs glibc 2.28 or later.'
  sync -f "$HOME_DIR"
  rm -rf "$staging"
}

# Leaves what worked; takes back what this run had made.
# shellcheck disable=SC2317  # called by the trap
finish() {
  local code=$?
  trap - EXIT
  rm -rf "${work:-}"
  if [ "$code" != 0 ] && [ "$code" != 6 ]; then
    rm -rf "$HOME_DIR/.staging"
    [ ${#made[@]} = 0 ] || rm -rf -- "${made[@]}"
  fi
  exit "$code"
}

converge() {
  local arguments=(--central "$PUBLIC_URL" --release-key "$work/release-key.pem") code=0
  [ -z "$replace" ] || arguments+=(--replace)
  bash "$version_dir/converge.sh" "${arguments[@]}" < <(printf '%s' "$token") || code=$?
  return "$code"
}

main() {
  made=() work=''
  parse_arguments "$@"
  read_token
  check_root
  check_host
  lock
  enrolled=no
  if [ -e "$STATE_DIR/identity.json" ] && [ -e "$ACT_DIR/trust.json" ]; then enrolled=yes; fi
  [ -n "$token" ] || { [ "$enrolled" = yes ] && [ -z "$replace" ]; } ||
    die 2 'this host is not enrolled: an install token is needed' \
      "Copy the command of a server at $PUBLIC_URL, or that of mttrly_bootstrap_recover for one that was enrolled."
  trap finish EXIT
  trap 'exit 1' INT TERM HUP
  work=$(mktemp -d)
  check_central
  get_manifest
  read_artifacts
  check_age
  check_space
  if [ -n "$dry_run" ]; then
    say "would install $version for $arch into $version_dir, with $node_file, user mttrly, its units, $STATE_DIR, $ACT_DIR and /etc/mttrly"
    if [ "$enrolled" = yes ] && [ -z "$replace" ]; then say 'would keep who this host is, if its identity can be used'; else say "would enrol at $PUBLIC_URL"; fi
    return 0
  fi
  say "installing $version"
  end_update
  put_in_place
  converge
}

{ main "$@"; exit; }
