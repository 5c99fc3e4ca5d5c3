// The door of this room: one snapshot of what runs on a host and how it is. It is called inside a lane that may read and not
// write; it starts no program but those of COMMANDS, through the runner that it is given.
import { setImmediate as breathe } from 'node:timers/promises'
import type { Containers } from '#proto/contract/docker.ts'
import { MOST, type Section, type Snapshot } from '#proto/contract/reality.ts'
import { readChanges } from './changes.ts'
import { cleanAll, createClean } from './clean.ts'
import { fit } from './fit.ts'
import { createHost, HIDDEN, type Runner } from './host.ts'
import { describeHost, isSystemd, readBootTime } from './kernel/about.ts'
import { readMounts } from './kernel/mounts.ts'
import { groupProcesses, readProcesses } from './kernel/processes.ts'
import { describeListeners, readListeners } from './kernel/sockets.ts'
import { readPackages } from './packages/database.ts'
import { readPackageState } from './packages/state.ts'
import { describeDeploys, readDeploys } from './services/deploys.ts'
import { isOpenrc, readOpenrc } from './services/openrc.ts'
import { describeRuntimes, readRuntimes } from './services/runtimes.ts'
import { describeTimers, readCron } from './services/schedules.ts'
import { readStores } from './services/stores.ts'
import { readSupervised } from './services/supervisors.ts'
import { readSystemd } from './services/systemd.ts'
import { readCertificates } from './web/certificates.ts'
import { readSites } from './web/sites.ts'

const MOST_GAPS = 100
/** Of the kernel, of systemd and of our own: nothing that this room would say. */
const NEVER_SAID = /^\/(?:dev|proc|sys|run\/systemd|var\/lib\/mttrly(?:-act)?)\//

export { COMMANDS, type Runner } from './host.ts'

export type RealityOptions = {
  /** `/`, or a tree that looks like one. */
  root: string
  runner: Runner
  clock: { now(): number }
  hostKey?: Buffer
  /** What somebody who may ask the container engine found. */
  engine?: Containers | undefined
}

export async function readReality({ root, runner, clock, hostKey, engine }: RealityOptions): Promise<Snapshot> {
  const now = clock.now()
  const host = createHost({ root, runner, now })
  const time = { bootedAt: readBootTime(host), now }

  // What others work out goes on while this process reads.
  const showing = isSystemd(host) ? host.run('units') : undefined
  const counting = readPackages(host)
  const processes = readProcesses(host, time, engine?.containers)
  await breathe()
  const sockets = await readListeners(host, processes)
  const mounts = readMounts(host)
  await breathe()
  const { sites, certificates, configs } = readSites({ host, processes, sockets })
  const cron = readCron(host, processes)
  const supervised = readSupervised(host, processes)

  const show = await showing
  const systemd = show === undefined ? undefined : readSystemd(host, show, time)
  const units = systemd?.units ?? (isOpenrc(host) ? readOpenrc(host) : [])
  const timers = systemd ? describeTimers(systemd.all, units, now) : []
  const installed = await counting
  const runtimes = readRuntimes(host, processes, installed)
  const stores = readStores({ host, processes, units, installed })
  const heads = readDeploys(host, units, runtimes)
  const changes = readChanges(host, { installed, configs: [...configs, ...stores.configs], heads })
  const { installed: versions, ...packages } = readPackageState(host, installed)

  const found = {
    units,
    processes: groupProcesses(processes),
    listeners: describeListeners(sockets, { unitOfSocket: systemd?.unitOfSocket, containers: engine?.containers }),
    runtimes: describeRuntimes(runtimes),
    sites,
    stores: stores.stores,
    schedules: [...timers, ...cron],
    supervised,
    certificates: readCertificates(host, certificates),
    mounts,
    deploys: describeDeploys(heads),
    changes: [...changes, ...(engine?.changes ?? [])].toSorted((a, b) => b.at - a.at),
    containers: engine?.containers ?? [],
  } satisfies { [S in Section]: unknown[] }
  const bounded = { ...bound(found), containers: engine ? found.containers.slice(0, MOST.containers) : null }
  const gaps = [
    ...[...host.gaps].map(([what, why]) => ({ what, why })),
    ...host.hidden.filter((path) => !NEVER_SAID.test(path)).map((what) => ({ what, why: HIDDEN })),
  ].slice(0, MOST_GAPS)
  const about = describeHost(host, processes, time.bootedAt)
  const said = cleanAll({ host: about, ...bounded, packages, gaps }, createClean(hostKey))
  return fit({
    at: now,
    tookMs: Math.max(0, Math.round(clock.now() - now)),
    ...said,
    // Names and versions are of a form that holds nothing else (packages/database.ts).
    packages: { ...said.packages, installed: versions },
    omitted: omittedOf(found),
  })
}

type Found = { [S in Section]: unknown[] }

const bound = <F extends Found>(found: F): F =>
  Object.fromEntries(
    Object.entries(found).map(([section, list]) => [section, list.slice(0, MOST[section as Section])]),
  ) as F

const omittedOf = (found: Found): Snapshot['omitted'] =>
  Object.fromEntries(
    (Object.keys(MOST) as Section[]).flatMap((section) => {
      const more = found[section].length - MOST[section]
      return more > 0 ? [[section, more]] : []
    }),
  )
