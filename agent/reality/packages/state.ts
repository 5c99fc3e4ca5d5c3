// How the package manager is: interrupted, locked, waiting for a restart. Locks are seen in /proc/locks; none is taken.

import type { Health, Snapshot } from '#proto/contract/reality.ts'
import { judge } from '../health.ts'
import type { Host } from '../host.ts'
import type { Installed, Manager } from './database.ts'

const LOCKS: Record<Manager, readonly string[]> = {
  dpkg: [
    '/var/lib/dpkg/lock-frontend',
    '/var/lib/dpkg/lock',
    '/var/lib/apt/lists/lock',
    '/var/cache/apt/archives/lock',
  ],
  rpm: ['/var/lib/rpm/.rpm.lock', '/usr/lib/sysimage/rpm/.rpm.lock'],
  apk: ['/lib/apk/db/lock'],
  none: [],
}
/** Written when the lists were last fetched. */
const REFRESHED: Record<Manager, readonly string[]> = {
  dpkg: ['/var/lib/apt/periodic/update-success-stamp', '/var/lib/apt/lists/partial'],
  rpm: ['/var/cache/dnf/expired_repos.json', '/var/cache/dnf', '/var/cache/yum'],
  apk: ['/var/cache/apk', '/etc/apk/cache'],
  none: [],
}
const REBOOT = ['/run/reboot-required', '/var/run/reboot-required']
const INSTALLED_MOST = 10_000

/** `1: POSIX  ADVISORY  WRITE 1234 fe:01:5678 0 EOF` → inode → pid. */
export function parseLocks(text: string): Map<string, number> {
  const line = /^\d+: (?:POSIX|FLOCK|OFDLCK) +\w+ +(?:READ|WRITE) +(-?\d+) [0-9a-f]+:[0-9a-f]+:(\d+) /gm
  return new Map([...text.matchAll(line)].map(([, pid = '', inode = '']) => [inode, Number(pid)]))
}

/** Ubuntu's own count: `12 updates can be applied immediately.`, `3 of these updates are standard security updates.` */
export function parseUpdatesAvailable(text: string): { all: number; security: number } | undefined {
  const all = /^(\d+) (?:updates?|packages?) can be /m.exec(text)?.[1]
  const security = /^(\d+) (?:of these updates|updates?) (?:is|are) (?:a )?(?:standard )?security updates?/m.exec(
    text,
  )?.[1]
  return all === undefined ? undefined : { all: Number(all), security: Number(security ?? 0) }
}

function lockHolder(host: Host, manager: Manager): number | undefined {
  const locks = parseLocks(host.text('/proc/locks', 1024 * 1024))
  for (const path of LOCKS[manager]) {
    const inode = locks.size > 0 ? host.stat(path)?.ino : undefined
    const pid = inode === undefined ? undefined : locks.get(String(inode))
    if (pid !== undefined && pid > 0) return pid
  }
  return undefined
}

export function readPackageState(host: Host, installed: Installed): Snapshot['packages'] {
  const { manager } = installed
  const broken = installed.packages.flatMap(({ name, version, broken }) =>
    broken ? [`${name} ${version}: ${broken}`] : [],
  )
  const interrupted = manager === 'dpkg' && host.list('/var/lib/dpkg/updates').length > 0
  const lockedBy = lockHolder(host, manager)
  const upgrades = parseUpdatesAvailable(host.text('/var/lib/update-notifier/updates-available', 4_096))
  const refreshed = REFRESHED[manager].map((path) => host.stat(path)?.mtimeMs).find((time) => time !== undefined)
  const state = (): [Health['state'], string, string] => {
    if (manager === 'none') return ['unknown', 'no package manager that is known here', '/var/lib']
    if (broken.length > 0)
      return ['failed', `${broken.length} packages are not completely installed`, '/var/lib/dpkg/status']
    if (interrupted) return ['failed', 'dpkg was interrupted', '/var/lib/dpkg/updates']
    if (lockedBy !== undefined) return ['degraded', `locked by process ${lockedBy}`, '/proc/locks']
    return ['ok', `${installed.packages.length} packages`, manager === 'rpm' ? 'rpm -qa' : '/var/lib']
  }
  return {
    manager,
    count: installed.packages.length,
    broken: broken.slice(0, 100),
    ...(lockedBy === undefined ? {} : { lockedBy }),
    ...(upgrades && { upgrades }),
    ...(refreshed === undefined ? {} : { refreshedAt: Math.floor(refreshed) }),
    rebootRequired: REBOOT.some((path) => host.exists(path)),
    installed: Object.fromEntries(
      installed.packages.slice(0, INSTALLED_MOST).map(({ name, version }) => [name, version]),
    ),
    health: judge(...state(), host.now),
  }
}
