// The door of this room: one snapshot of what runs on a host and how it is. It is called inside a lane that may read and not
// write; it starts no program but those of COMMANDS, through the runner that it is given.
import { setImmediate as breathe } from 'node:timers/promises'
import { readChanges } from './changes.ts'
import { createClean } from './clean.ts'
import { createHost, type Host, type Runner } from './host.ts'
import { readMounts } from './kernel/mounts.ts'
import { groupProcesses, type Process, readProcesses } from './kernel/processes.ts'
import { describeListeners, netFile, parseSockstat, readListeners } from './kernel/sockets.ts'
import { readPackages } from './packages/database.ts'
import { readPackageState } from './packages/state.ts'
import { type Head, readHead } from './services/git.ts'
import { isOpenrc, readOpenrc } from './services/openrc.ts'
import { type Running, readRuntimes } from './services/runtimes.ts'
import { describeTimers, readCron } from './services/schedules.ts'
import { readStores } from './services/stores.ts'
import { readSupervised } from './services/supervisors.ts'
import { readSystemd, type Systemd } from './services/systemd.ts'
import { type Container, type Deploy, MOST, type Section, type Snapshot, type Unit } from './snapshot.ts'
import { readCertificates } from './web/certificates.ts'
import { readSites } from './web/sites.ts'

export { COMMANDS, type Runner } from './host.ts'

export type RealityOptions = {
  /** `/`, or a tree that looks like one. */
  root: string
  runner: Runner
  clock: { now(): number }
  hostKey?: Buffer
  /** What somebody who may ask the container engine found. */
  containers?: Container[]
}

export async function readReality({ root, runner, clock, hostKey, containers }: RealityOptions): Promise<Snapshot> {
  const now = clock.now()
  const host = createHost({ root, runner, now })
  const clean = createClean(hostKey)
  const bootedAt = parseBootTime(host.text('/proc/stat', 1024 * 1024)) ?? now
  const time = { bootedAt, now }
  const isSystemd = host.exists('/run/systemd/system')

  // What others work out goes on while this process reads.
  const showing = isSystemd ? host.run('units') : undefined
  const counting = readPackages(host)
  const processes = readProcesses(host, time)
  await breathe()
  const sockets = readListeners(host, processes)
  const mounts = readMounts(host, clean)
  await breathe()
  const sites = readSites({ host, processes, sockets, clean })
  const cron = readCron(host, processes, clean)
  const supervised = readSupervised(host, processes, clean)

  const show = await showing
  const systemd: Systemd | undefined = show === undefined ? undefined : readSystemd(host, show, time, clean)
  const units = systemd?.units ?? (isOpenrc(host) ? readOpenrc(host, clean) : [])
  const installed = await counting
  const runtimes = readRuntimes(host, processes, installed, clean)
  const stores = readStores({ host, processes, units, installed, clean })
  const heads = readDeploys(host, units, runtimes)
  const found = { installed, configs: [...sites.configs, ...stores.configs], heads: [...heads.keys()] }

  const omitted: Snapshot['omitted'] = {}
  const most = <T>(section: Section, list: T[]): T[] => {
    if (list.length > MOST[section]) omitted[section] = list.length - MOST[section]
    return list.slice(0, MOST[section])
  }
  const snapshot = {
    at: now,
    host: describeHost(host, processes, bootedAt, isSystemd, clean),
    units: most('units', units),
    processes: most('processes', groupProcesses(processes, clean)),
    listeners: most('listeners', describeListeners(sockets, systemd?.unitOfSocket ?? new Map(), clean)),
    runtimes: most(
      'runtimes',
      runtimes.map(({ cwd: _, leader: __, ...runtime }) => runtime),
    ),
    sites: most('sites', sites.sites),
    stores: most('stores', stores.stores),
    schedules: most('schedules', [...(systemd ? describeTimers(systemd.all, units, clean, now) : []), ...cron]),
    supervised: most('supervised', supervised),
    certificates: most('certificates', readCertificates(host, sites.certificates, clean)),
    mounts: most('mounts', mounts),
    packages: readPackageState(host, installed, clean),
    deploys: most('deploys', describeDeploys(heads, clean)),
    changes: most('changes', readChanges(host, found, clean)),
    containers: containers ? most('containers', containers) : null,
    omitted,
    gaps: [...host.gaps].map(([what, why]) => ({ what: clean(what), why: clean(why) })),
  }
  return { ...snapshot, tookMs: Math.max(0, Math.round(clock.now() - now)) }
}

/** Unix ms; the kernel says whole seconds. */
export function parseBootTime(stat: string): number | undefined {
  const seconds = /^btime (\d+)$/m.exec(stat)?.[1]
  return seconds === undefined ? undefined : Number(seconds) * 1000
}

/** man 5 os-release: values may be quoted. */
export function parseOsRelease(text: string): { id: string; version: string; name: string } {
  const field = (name: string): string => new RegExp(`^${name}=(["']?)(.*)\\1$`, 'm').exec(text)?.[2] ?? ''
  return {
    id: field('ID') || 'linux',
    version: field('VERSION_ID'),
    name: field('PRETTY_NAME') || field('NAME') || 'Linux',
  }
}

const ARCHITECTURE: Partial<Record<NodeJS.Architecture, string>> = { x64: 'x86_64', arm64: 'aarch64' }

function describeHost(
  host: Host,
  processes: readonly Process[],
  bootedAt: number,
  isSystemd: boolean,
  clean: ReturnType<typeof createClean>,
): Snapshot['host'] {
  const line = (path: string): string => clean(host.text(path, 4_096).trim())
  const { id, version, name } = parseOsRelease(host.text('/etc/os-release') || host.text('/usr/lib/os-release'))
  const states: Record<string, number> = {}
  for (const { state } of processes) states[state] = (states[state] ?? 0) + 1
  return {
    hostname: line('/proc/sys/kernel/hostname') || line('/etc/hostname'),
    os: { id: clean(id), version: clean(version), name: clean(name) },
    kernel: line('/proc/sys/kernel/osrelease'),
    architecture: ARCHITECTURE[process.arch] ?? process.arch,
    bootedAt,
    bootId: line('/proc/sys/kernel/random/boot_id'),
    init: isSystemd ? 'systemd' : isOpenrc(host) ? 'openrc' : 'other',
    processes: processes.length,
    processStates: states,
    sockets: parseSockstat(netFile(host, 'sockstat')),
  }
}

/** The working trees that services run from, each with those that do. */
function readDeploys(host: Host, units: readonly Unit[], runtimes: readonly Running[]): Map<Head, Set<string>> {
  const heads = new Map<string, Head | undefined>()
  const used = new Map<Head, Set<string>>()
  const places = [
    ...units.map(({ directory, id }) => ({ directory, by: id })),
    ...runtimes.map(({ cwd, owner, program }) => ({ directory: cwd, by: owner.name || program })),
  ]
  for (const { directory, by } of places) {
    if (!directory?.startsWith('/') || directory === '/') continue
    if (!heads.has(directory)) heads.set(directory, sameHead(readHead(host, directory), heads))
    const head = heads.get(directory)
    if (head) used.set(head, (used.get(head) ?? new Set()).add(by))
  }
  return used
}

const sameHead = (head: Head | undefined, heads: ReadonlyMap<string, Head | undefined>): Head | undefined =>
  [...heads.values()].find((each) => each && each.directory === head?.directory) ?? head

const describeDeploys = (heads: ReadonlyMap<Head, Set<string>>, clean: ReturnType<typeof createClean>): Deploy[] =>
  [...heads].map(([{ directory, commit, branch, at, message }, usedBy]) => ({
    directory: clean(directory),
    commit,
    ...(branch && { branch: clean(branch) }),
    ...(at === undefined ? {} : { at }),
    ...(message && { message: clean(message, 200) }),
    usedBy: [...usedBy].slice(0, 50).map((each) => clean(each)),
  }))
