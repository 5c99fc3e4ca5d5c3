// The whole tree of a guest, so that before and after can be compared: kind, mode, owner, size and content of every path.
import type { Guest } from './guest.ts'

export type Snapshot = {
  files: Map<string, string>
  units: string[]
  accounts: string
  cgroups: string[]
  sockets: string[]
}

/**
 * What a host changes of itself while it runs, or the account tools write whenever they do anything (man 8 useradd,
 * FILES): not ours, and named one by one.
 */
const NOT_OURS: readonly [path: RegExp, why: string][] = [
  [/^\/etc\/(passwd|group|shadow|gshadow|subuid|subgid)-$/, 'the copy that account tools keep of the file before'],
  [/^\/etc\/\.pwd\.lock$/, 'the lock of the account tools'],
  [/^\/run\/(systemd|log|udev|credentials|user|utmp)(\/|$)/, "systemd's own state and journal"],
  [/^\/run\/host(\/|$)/, 'what the container manager says'],
  [/^\/run\/dbus(\/|$)/, 'the bus'],
  [/^\/var\/(log|tmp|cache\/ldconfig|lib\/systemd)(\/|$)/, "the host's own log and timers"],
  [/^\/(root|tmp|var\/tmp)(\/|$)/, 'where the test puts its own files'],
  [/^\/var\/lib\/private$/, 'made by systemd for dynamic users'],
]

const WALK = `find / /run -xdev \\( -path /proc -o -path /sys -o -path /dev \\) -prune -o -type d -printf '%p\\t%y %m %U %G\\n' -o -printf '%p\\t%y %m %U %G %s %l\\n' | sort -u
find / /run -xdev \\( -path /proc -o -path /sys -o -path /dev \\) -prune -o -type f -size -9000k -print0 | xargs -0 -r sha256sum | awk '{ h = $1; $1 = ""; print substr($0, 2) "\\tsha256 " h }'`

export async function takeSnapshot(guest: Guest): Promise<Snapshot> {
  const files = new Map<string, string>()
  for (const line of (await guest.must(WALK)).split('\n')) {
    const [path = '', facts = ''] = line.split('\t')
    if (NOT_OURS.some(([pattern]) => pattern.test(path))) continue
    files.set(path, [files.get(path), facts].filter(Boolean).join(' '))
  }
  const lines = async (script: string) => (await guest.must(script)).split('\n').filter(Boolean).sort()
  return {
    files,
    units: await lines(`systemctl list-unit-files --no-legend --plain | awk '$2 != "transient" { print $1, $2 }'`),
    accounts: await guest.must('getent passwd; getent group'),
    cgroups: await lines(`find /sys/fs/cgroup -type d -name '*mttrly*' 2>/dev/null || true`),
    sockets: await lines(`systemctl list-sockets --all --no-legend | grep mttrly || true`),
  }
}

/** The tree before anything of ours came. The host's own timers are put to rest first: at midnight they change the tree too. */
export async function takePristineSnapshot(guest: Guest): Promise<Snapshot> {
  const timers = "$(systemctl list-unit-files --type=timer --no-legend | awk '{ print $1 }')"
  await guest.must(`systemctl stop ${timers} && systemctl mask ${timers}`)
  return takeSnapshot(guest)
}

/** One line for each path that came, went or changed. */
export function differences(before: Snapshot, after: Snapshot): string[] {
  const paths = new Set([...before.files.keys(), ...after.files.keys()])
  return [...paths].sort().flatMap((path) => {
    const [was, is] = [before.files.get(path), after.files.get(path)]
    return was === is ? [] : [`${path}: ${was ?? 'not there'} -> ${is ?? 'not there'}`]
  })
}
