// What has changed on the host of late: packages, unit files, configurations, deploys. Images come from the container engine.

import type { Change } from '#proto/contract/reality.ts'
import type { Host } from './host.ts'
import type { Installed } from './packages/database.ts'
import { type Logged, parseAptHistory, parseDnfLog, parseDpkgLog } from './packages/log.ts'
import type { Head } from './services/git.ts'
import { UNIT_DIRECTORIES } from './services/systemd.ts'

const WINDOW = 14 * 86_400_000
const LOG_TAIL = 512 * 1024
/** Files that break much when they are wrong. */
const CONFIGS = [
  '/etc/ssh/sshd_config',
  '/etc/ssh/sshd_config.d/*',
  '/etc/fstab',
  '/etc/hosts',
  '/etc/resolv.conf',
  '/etc/sysctl.conf',
  '/etc/sysctl.d/*',
  '/etc/nftables.conf',
  '/etc/systemd/*.conf',
  '/etc/sudoers',
  '/etc/sudoers.d/*',
]

type Plain = Omit<Change, 'kind'>

function packageChanges(host: Host, installed: Installed): Plain[] {
  if (installed.manager === 'dpkg') {
    const asked = parseAptHistory(host.tail('/var/log/apt/history.log', LOG_TAIL))
    const by = (at: number): string | undefined =>
      asked.findLast(({ from, to }) => from - 1_000 <= at && at <= to + 1_000)?.by
    return lastOfEach(parseDpkgLog(host.tail('/var/log/dpkg.log', LOG_TAIL))).map((each) => ({
      ...each,
      by: by(each.at),
    }))
  }
  const logged = parseDnfLog(host.tail('/var/log/dnf.rpm.log', LOG_TAIL))
  if (logged.length > 0 || installed.manager !== 'rpm') return lastOfEach(logged)
  return installed.packages.map(({ name, version, installedAt = 0 }) => ({
    subject: name,
    to: version,
    at: installedAt,
    source: 'rpm -qa',
  }))
}

/** A package is unpacked more than once within one upgrade. */
const lastOfEach = (logged: readonly Logged[]): Logged[] => [
  ...new Map(logged.map((each) => [`${each.subject} ${each.to}`, each])).values(),
]

const fileChanges = (host: Host, paths: readonly string[]): Plain[] =>
  [...new Set(paths)].flatMap((path) => {
    const stats = host.stat(path)
    return stats?.isFile() ? [{ subject: path, at: Math.floor(stats.mtimeMs), source: path }] : []
  })

const unitFiles = (host: Host): string[] =>
  UNIT_DIRECTORIES.flatMap((directory) => [
    ...host.glob(`${directory}/*`),
    ...host.glob(`${directory}/*.d/*.conf`),
  ]).filter((path) => !path.endsWith('.wants'))

const deployChanges = (heads: readonly Head[]): Plain[] =>
  heads.flatMap(({ directory, commit, before, at, message }) =>
    at === undefined
      ? []
      : [
          {
            subject: directory,
            ...(before && { from: before }),
            to: commit,
            at,
            ...(message && { by: message }),
            source: `${directory}/.git/logs/HEAD`,
          },
        ],
  )

/** The newest first. `configs`: files that the servers found here read. */
export function readChanges(
  host: Host,
  found: { installed: Installed; configs: readonly string[]; heads: readonly Head[] },
): Change[] {
  const configs = [...CONFIGS.flatMap((pattern) => host.glob(pattern)), ...found.configs]
  const all: [Change['kind'], Plain[]][] = [
    ['package', packageChanges(host, found.installed)],
    ['unit-file', fileChanges(host, unitFiles(host))],
    ['config', fileChanges(host, configs)],
    ['deploy', deployChanges(found.heads)],
  ]
  return all
    .flatMap(([kind, changes]) => changes.map((change) => ({ kind, ...change })))
    .filter(({ at }) => at > host.now - WINDOW && at <= host.now + 60_000)
    .sort((a, b) => b.at - a.at)
    .slice(0, 2_000)
}
