// What the tools about reality show of a snapshot: a summary with what is unhealthy first, or one section in pages.
import { z } from 'zod'
import type { Health, Snapshot } from '#proto/contract/reality.ts'
import type { SnapshotDiff } from '#proto/contract/reality-diff.ts'
import { plainText } from '../../domain/text.ts'
import type { ServerView } from '../../fleet/fleet.ts'
import type { View } from '../../reality/reality.ts'
import { iso } from '../action-view.ts'
import type { ToolContext } from '../context.ts'

const UNHEALTHY = 40
const DIFFERENCES = 25
const GAPS = 40
const SHOWN = 50

type Item = Record<string, unknown> & { health?: Health }

/** Section → its things, and what of the host says them. */
const SECTIONS = {
  services: {
    source: 'systemctl show; PM2 and supervisor by their own files',
    of: ({ units, supervised }) => [...units.filter(({ kind }) => kind === 'service'), ...supervised],
  },
  containers: { source: 'the container engine', of: ({ containers }) => containers ?? [] },
  ports: { source: '/proc/net; ownerFrom says what told the owner', of: ({ listeners }) => listeners },
  processes: { source: '/proc', of: ({ processes }) => processes },
  runtimes: { source: 'command lines and files of the installed version', of: ({ runtimes }) => runtimes },
  web: {
    source: 'configuration of the web servers',
    of: ({ sites, stores }) => [...sites, ...stores.filter(({ kind }) => WEB.includes(kind))],
  },
  databases: {
    source: 'processes, their configuration and data directories',
    of: ({ stores }) => stores.filter(({ kind }) => !WEB.includes(kind)),
  },
  certificates: { source: 'certificates that web servers name', of: ({ certificates }) => certificates },
  timers: { source: 'systemctl show; crontabs', of: ({ schedules }) => schedules },
  mounts: { source: '/proc/1/mounts, statfs, fstab', of: ({ mounts }) => mounts },
  packages: {
    source: 'database of the package manager',
    of: ({ packages }) => Object.entries(packages.installed).map(([name, version]) => ({ name, version })),
  },
  deploys: { source: '.git of working directories', of: ({ deploys }) => deploys },
  changes: { source: 'logs of the package manager, times of files, git', of: ({ changes }) => changes },
} as const satisfies Record<string, { source: string; of: (snapshot: Snapshot) => readonly Item[] }>
const WEB: readonly string[] = ['web', 'proxy']
type SectionName = keyof typeof SECTIONS
const NAMES = Object.keys(SECTIONS) as [SectionName, ...SectionName[]]

export const RealityInput = z.object({
  server_id: z.string().max(100).describe('From mttrly_list_servers'),
  section: z.enum(NAMES).optional().describe('Everything of one kind; without it a summary'),
  match: z.string().max(200).optional().describe('Only what contains this text; with section'),
  offset: z.int().min(0).max(10_000).default(0),
  limit: z.int().min(1).max(200).default(SHOWN),
})
type Input = z.output<typeof RealityInput>

const Text = z.record(z.string(), z.unknown())

export const RealityOutput = z.object({
  server_id: z.string(),
  name: z.string(),
  status: z.enum(['online', 'offline']),
  source: z.enum(['live', 'cached']),
  taken_at: z.string(),
  age_s: z.int(),
  took_ms: z.int(),
  note: z.string().optional(),
  host: Text,
  counts: z.record(z.string(), z.int()),
  unhealthy: z.array(Text).describe('Failed first; each with its evidence'),
  unhealthy_total: z.int(),
  changed_since_before: Text.nullable().describe('null: there is no snapshot before this one'),
  section: z
    .object({
      name: z.string(),
      source: z.string(),
      items: z.array(Text),
      total: z.int(),
      next_offset: z.int().optional(),
    })
    .optional(),
  not_visible: z.array(Text).describe('What could not be looked at: absence above proves nothing there'),
  omitted: z.record(z.string(), z.int()).describe('Things of a section beyond what a snapshot holds'),
})

export function realityView(server: ServerView, view: View, input: Input, { clock }: Pick<ToolContext, 'clock'>) {
  const { snapshot, takenAt, live, note, diff } = view
  const { host, packages, gaps } = snapshot
  const unhealthy = unhealthyOf(snapshot)
  return {
    server_id: server.id,
    name: plainText(server.name),
    status: server.online ? ('online' as const) : ('offline' as const),
    source: live ? ('live' as const) : ('cached' as const),
    taken_at: iso(takenAt),
    age_s: Math.max(0, Math.round((clock.now() - takenAt) / 1000)),
    took_ms: snapshot.tookMs,
    ...(note && { note }),
    host: {
      hostname: host.hostname,
      os: host.os.name,
      kernel: host.kernel,
      architecture: host.architecture,
      init: host.init,
      booted_at: moment(host.bootedAt),
      processes: host.processes,
      packages: { ...packages, installed: packages.count },
      docker: snapshot.containers === null ? 'no engine, or none that answered' : 'looked at',
    },
    counts: Object.fromEntries(NAMES.map((name) => [name, itemsOf(name, snapshot).length])),
    unhealthy: unhealthy.slice(0, UNHEALTHY),
    unhealthy_total: unhealthy.length,
    changed_since_before: diff ? diffView(diff) : null,
    ...(input.section && { section: sectionView(input.section, snapshot, input) }),
    not_visible: gaps.slice(0, GAPS),
    omitted: snapshot.omitted as Record<string, number>,
  }
}

const TIMES = ['at', 'since', 'last', 'next', 'bootedAt', 'notBefore', 'notAfter', 'refreshedAt', 'finishedAt']

/** A snapshot holds Unix ms; whoever reads gets times as in every other answer. */
function withTimes(value: unknown, key = ''): unknown {
  if (typeof value === 'number' && TIMES.includes(key)) return moment(value)
  if (Array.isArray(value)) return value.map((each) => withTimes(each))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, withTimes(inner, name)]))
}

const itemsOf = (name: SectionName, snapshot: Snapshot): readonly Item[] => SECTIONS[name].of(snapshot)

/** `stopped`: it should run. */
const RANK: Record<Health['state'], number> = { failed: 0, degraded: 1, stopped: 2, unknown: 3, ok: 4 }
const rank = ({ health }: Item): number => (health ? RANK[health.state] : RANK.ok)

function sectionView(name: SectionName, snapshot: Snapshot, { match, offset, limit }: Input) {
  const all = itemsOf(name, snapshot).filter((item) => match === undefined || JSON.stringify(item).includes(match))
  const items = all.toSorted((a, b) => rank(a) - rank(b)).slice(offset, offset + limit)
  const next = offset + items.length
  return {
    name,
    source: SECTIONS[name].source,
    items: items.map((item) => withTimes(item) as Item),
    total: all.length,
    ...(next < all.length && { next_offset: next }),
  }
}

/** What names a thing, whatever it is. */
function nameOf(item: Item): string {
  const { id, name, names, path, program, software, server } = item
  const found = [id, path, name, Array.isArray(names) && names.length > 0 ? names.join(', ') : undefined, program]
  return String(found.find((each) => each !== undefined) ?? software ?? server ?? '')
}

/** Units of other kinds than services fail too. */
export function unhealthyOf(snapshot: Snapshot): Record<string, unknown>[] {
  const others = snapshot.units.filter(({ kind }) => kind !== 'service')
  const all: [string, readonly Item[]][] = [
    ...NAMES.map((name): [string, readonly Item[]] => [name, itemsOf(name, snapshot)]),
    ['units', others],
    ['packages', [{ name: snapshot.packages.manager, health: snapshot.packages.health }]],
  ]
  return all
    .flatMap(([section, items]) =>
      items.flatMap((item) => {
        const { health } = item
        return health && RANK[health.state] <= RANK.stopped ? [{ section, item, health }] : []
      }),
    )
    .sort((a, b) => RANK[a.health.state] - RANK[b.health.state])
    .map(({ section, item, health: { state, why, evidence } }) => {
      return { section, name: nameOf(item), state, why, source: evidence.source, seen_at: moment(evidence.at) }
    })
}

function diffView({ from, to, sections }: SnapshotDiff): Record<string, unknown> {
  const shown = Object.entries(sections).map(([name, { came, went, changed }]) => {
    const total = came.length + went.length + changed.length
    const part = <T>(list: readonly T[]): T[] => list.slice(0, DIFFERENCES)
    return [name, { came: part(came), went: part(went), changed: part(changed), total }]
  })
  return { from: moment(from), to: moment(to), sections: Object.fromEntries(shown) }
}

/** By the host's own clock, which may say anything. */
const moment = (at: number): string => (Math.abs(at) < 8.64e15 ? iso(at) : 'unknown')
