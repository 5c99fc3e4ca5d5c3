// What is different between two snapshots of one host. Pure; figures that change by themselves (memory, time) do not count.
import type { Snapshot } from './reality.ts'

type Fields = Readonly<Record<string, string>>
export type Changed = { key: string; fields: Record<string, { before: string; after: string }> }
export type SectionDiff = { came: string[]; went: string[]; changed: Changed[] }
export type SnapshotDiff = {
  from: number
  to: number
  sections: Partial<Record<(typeof SECTIONS)[number], SectionDiff>>
}

const words = (...parts: readonly (string | number | undefined)[]): string =>
  parts.filter((each) => each !== undefined).join(' ')

type Things = [key: string, fields: Fields][]
const SECTIONS = [
  'host',
  'units',
  'listeners',
  'runtimes',
  'sites',
  'stores',
  'schedules',
  'supervised',
  'certificates',
  'mounts',
  'packages',
  'deploys',
  'containers',
] as const

/** Section → what names a thing, and what of it is compared. */
const COMPARED: Readonly<Record<(typeof SECTIONS)[number], (snapshot: Snapshot) => Things>> = {
  host: ({ host }: Snapshot) => [[host.hostname, { os: host.os.name, kernel: host.kernel, boot: host.bootId }]],
  units: ({ units }) =>
    units.map((unit) => [
      unit.id,
      {
        state: unit.active,
        startup: unit.startup,
        health: unit.health.state,
        restarts: String(unit.restarts),
        process: String(unit.mainPid ?? ''),
        file: words(unit.file, ...unit.dropIns),
      },
    ]),
  listeners: ({ listeners }) =>
    listeners.map((each) => [
      each.port === undefined ? `${each.protocol} ${each.address}` : `${each.protocol} ${each.address}:${each.port}`,
      { owner: words(each.owner?.name || each.process) },
    ]),
  runtimes: ({ runtimes }) =>
    runtimes.map((each) => [
      words(each.owner.name, each.runtime, each.program),
      { version: each.version ?? '', health: each.health.state },
    ]),
  sites: ({ sites }) =>
    sites.map((site) => [
      words(site.server, site.names.join() || '_', site.listens.join()),
      {
        root: site.root ?? '',
        upstreams: site.upstreams
          .map(({ location, target, members }) => words(location, target, ...members))
          .join('; '),
        certificates: site.certificates.join(),
        health: site.health.state,
      },
    ]),
  stores: ({ stores }) =>
    stores.map((store) => [
      words(store.software, store.owner?.name, store.dataDirectory),
      { version: store.version ?? '', health: store.health.state, settings: JSON.stringify(store.settings) },
    ]),
  schedules: ({ schedules }) =>
    schedules.map(({ name, when, command, health }) => [name, { when, command, health: health.state }]),
  supervised: ({ supervised }) =>
    supervised.map((each) => [
      words(each.supervisor, each.user, each.name),
      { command: each.command, health: each.health.state, restarts: String(each.restarts ?? '') },
    ]),
  certificates: ({ certificates }) =>
    certificates.map((each) => [
      each.path,
      { fingerprint: each.fingerprint, expires: new Date(each.notAfter).toISOString(), health: each.health.state },
    ]),
  mounts: ({ mounts }) =>
    mounts.map((each) => [
      each.path,
      { device: each.device, kind: each.kind, readOnly: String(each.readOnly), health: each.health.state },
    ]),
  packages: ({ packages }) => Object.entries(packages.installed).map(([name, version]) => [name, { version }]),
  deploys: ({ deploys }) => deploys.map((each) => [each.directory, { commit: each.commit, branch: each.branch ?? '' }]),
  containers: ({ containers }) =>
    (containers ?? []).map((each) => [
      each.name,
      {
        image: words(each.image, each.imageDigest),
        state: each.state,
        restarts: String(each.restarts),
        health: each.health.state,
      },
    ]),
}

/** Every look has a unit of its own, and so has whatever else is started for one connection of ours. */
const PASSING = /^(?:mttrly-lane-\w+@|run-credentials-mttrly)\S*/

export function diffSnapshots(before: Snapshot, after: Snapshot): SnapshotDiff {
  const sections: SnapshotDiff['sections'] = {}
  for (const name of SECTIONS) {
    // Nobody asked then, or nobody asks now: that says nothing about what is there.
    if (name === 'containers' && (before.containers === null || after.containers === null)) continue
    const diff = compare(lasting(COMPARED[name](before)), lasting(COMPARED[name](after)))
    if (diff.came.length + diff.went.length + diff.changed.length > 0) sections[name] = diff
  }
  return { from: before.at, to: after.at, sections }
}

const lasting = (things: Things): Map<string, Fields> => new Map(things.filter(([key]) => !PASSING.test(key)))

function compare(before: ReadonlyMap<string, Fields>, after: ReadonlyMap<string, Fields>): SectionDiff {
  return {
    came: [...after.keys()].filter((key) => !before.has(key)),
    went: [...before.keys()].filter((key) => !after.has(key)),
    changed: [...after].flatMap(([key, now]) => {
      const was = before.get(key)
      const fields = Object.entries(now).filter(([field, value]) => was && was[field] !== value)
      if (!was || fields.length === 0) return []
      return [
        {
          key,
          fields: Object.fromEntries(
            fields.map(([field, value]) => [field, { before: was[field] ?? '', after: value }]),
          ),
        },
      ]
    }),
  }
}
