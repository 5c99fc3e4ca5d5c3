// systemd's units from one `systemctl show`, and the unit files of the administrator that it has not loaded.
import { basename } from 'node:path'
import type { Health, Unit } from '#proto/contract/reality.ts'
import { judge } from '../health.ts'
import type { Host } from '../host.ts'

export type Properties = { readonly Id: string; readonly [key: string]: string | undefined }
type Clock = { bootedAt: number; now: number }

export const UNIT_DIRECTORIES = ['/etc/systemd/system', '/run/systemd/system', '/usr/local/lib/systemd/system']
const CRASHES = 3
const RECENTLY_MS = 10 * 60_000

/** Blocks of `Key=value`, one a unit, empty lines between; a repeated key becomes lines of one value. */
export function parseShow(text: string): Properties[] {
  return text.split(/\n\n+/).flatMap((block) => {
    const properties: Record<string, string> = {}
    for (const line of block.split('\n')) {
      const [, key, value = ''] = /^([A-Za-z]+)=(.*)$/s.exec(line) ?? []
      if (key) properties[key] = properties[key] === undefined ? value : `${properties[key]}\n${value}`
    }
    const { Id } = properties
    return Id ? [{ ...properties, Id }] : []
  })
}

/** `[not set]` and the largest number of 64 bits both mean that nothing is known. */
const figure = (text = ''): number | undefined =>
  /^\d{1,15}$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : undefined
const words = (text = ''): string[] => text.split(/\s+/).filter(Boolean)
/** Monotonic stamps are numbers in every version and language; the others are text in the host's own time zone. */
const moment = (text: string | undefined, { bootedAt }: Clock): number | undefined =>
  figure(text) ? Math.round(bootedAt + Number(text) / 1000) : undefined

/** `Sun 2026-11-22 16:16:56 UTC`, in UTC or in the zone of this host; `n/a` and `0` are none. */
export function parseTimestamp(text = ''): number | undefined {
  const [, date, time, zone] = /(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d+)?(?: (\S+))?$/.exec(text.trim()) ?? []
  if (!date) return undefined
  const stamp = Date.parse(`${date}T${time}${zone === 'UTC' || zone === 'GMT' ? 'Z' : ''}`)
  return Number.isNaN(stamp) ? undefined : stamp
}

type Rule = (unit: Properties, clock: Clock) => [Health['state'], string] | undefined
const is = (unit: Properties, key: string, ...values: string[]): boolean => values.includes(unit[key] ?? '')
const exitOf = ({ Result = '', ExecMainStatus = '0' }: Properties): string =>
  `result ${Result}${ExecMainStatus === '0' ? '' : `, status ${ExecMainStatus}`}`

/** The first that has something to say decides. */
const RULES: readonly Rule[] = [
  (u) => (is(u, 'LoadState', 'masked') ? ['stopped', 'masked: it cannot be started'] : undefined),
  (u) =>
    is(u, 'LoadState', 'bad-setting', 'error') ? ['failed', `its file cannot be loaded (${u.LoadState})`] : undefined,
  (u) => (is(u, 'LoadState', 'not-found') ? ['failed', 'wanted by others, and has no file'] : undefined),
  (u) => (is(u, 'ActiveState', 'failed') ? ['failed', exitOf(u)] : undefined),
  (u) =>
    is(u, 'SubState', 'auto-restart', 'auto-restart-queued')
      ? ['failed', `crashes again and again, ${u.NRestarts} restarts, ${exitOf(u)}`]
      : undefined,
  (u, { now, bootedAt }) => {
    const since = figure(u.ActiveEnterTimestampMonotonic)
    const recent = since !== undefined && now - (bootedAt + since / 1000) < RECENTLY_MS
    return Number(u.NRestarts) >= CRASHES && recent
      ? ['degraded', `restarted ${u.NRestarts} times, last a short while ago`]
      : undefined
  },
  (u) =>
    is(u, 'ActiveState', 'activating', 'deactivating', 'reloading')
      ? ['degraded', `${u.ActiveState} (${u.SubState})`]
      : undefined,
  (u) =>
    is(u, 'ActiveState', 'active') && is(u, 'NeedDaemonReload', 'yes')
      ? ['degraded', 'runs; its file has changed since systemd read it']
      : undefined,
  (u) => (is(u, 'ActiveState', 'active') ? ['ok', `active (${u.SubState})`] : undefined),
  (u) => (mustRun(u) ? ['stopped', 'enabled, and does not run'] : undefined),
  (u) => ['ok', `${u.ActiveState ?? 'inactive'}: nothing wants it to run now`],
]

const mustRun = (u: Properties): boolean =>
  // By a generator, as Debian's clusters of PostgreSQL are.
  is(u, 'UnitFileState', 'enabled', 'enabled-runtime') &&
  !is(u, 'Type', 'oneshot') &&
  !is(u, 'ConditionResult', 'no') &&
  !u.TriggeredBy &&
  /\.(?:service|socket|timer|path)$/.test(u.Id)

export function judgeUnit(unit: Properties, clock: Clock): Health {
  for (const rule of RULES) {
    const verdict = rule(unit, clock)
    if (verdict) return judge(...verdict, `systemctl show ${unit.Id}`, clock.now)
  }
  throw new Error('the last rule always speaks')
}

/** What somebody put there, or what runs, failed or should run; not the hundred that a distribution keeps in store. */
const isOfInterest = (u: Properties): boolean =>
  !(is(u, 'LoadState', 'not-found') && !is(u, 'ActiveState', 'failed')) &&
  (!is(u, 'ActiveState', 'inactive') ||
    is(u, 'UnitFileState', 'enabled', 'enabled-runtime', 'masked') ||
    UNIT_DIRECTORIES.some((directory) => u.FragmentPath?.startsWith(`${directory}/`)))

const KINDS = new Set(['service', 'socket', 'timer', 'path', 'mount'])

export function describeUnit(unit: Properties, clock: Clock): Unit {
  const kind = unit.Id.slice(unit.Id.lastIndexOf('.') + 1)
  const active = is(unit, 'ActiveState', 'active')
  const since = moment(active ? unit.ActiveEnterTimestampMonotonic : unit.InactiveEnterTimestampMonotonic, clock)
  const [mainPid, memory, cpuNs] = [unit.MainPID, unit.MemoryCurrent, unit.CPUUsageNSec].map(figure)
  return {
    id: unit.Id,
    kind: (KINDS.has(kind) ? kind : 'other') as Unit['kind'],
    description: unit.Description ?? '',
    load: unit.LoadState ?? '',
    active: unit.ActiveState ?? '',
    sub: unit.SubState ?? '',
    startup: unit.UnitFileState ?? '',
    result: unit.Result ?? '',
    restarts: figure(unit.NRestarts) ?? 0,
    ...(mainPid ? { mainPid } : {}),
    ...(memory === undefined ? {} : { memory }),
    ...(cpuNs === undefined ? {} : { cpuMs: Math.round(cpuNs / 1e6) }),
    ...(since === undefined ? {} : { since }),
    ...(unit.User ? { user: unit.User } : {}),
    ...(unit.WorkingDirectory ? { directory: unit.WorkingDirectory.replace(/^!/, '') } : {}),
    ...(unit.FragmentPath ? { file: unit.FragmentPath } : {}),
    dropIns: words(unit.DropInPaths).slice(0, 20),
    triggers: words(unit.Triggers).slice(0, 20),
    health: judgeUnit(unit, clock),
  }
}

const UNIT_NAME = /^[\w:.\\@-]+\.(?:service|timer|socket|path)$/

/** Unit files that nothing has asked systemd to load: never enabled, never started, or masked. Another name of one is none. */
function unloaded(host: Host, loaded: ReadonlySet<string>): Properties[] {
  return UNIT_DIRECTORIES.flatMap((directory) =>
    host.list(directory).flatMap((name) => {
      const path = `${directory}/${name}`
      if (!UNIT_NAME.test(name) || name.includes('@.') || loaded.has(name) || host.stat(path)?.isDirectory()) return []
      const target = host.kind(path) === 'link' ? host.link(path) : undefined
      const masked = target === '/dev/null'
      if (target !== undefined && !masked && basename(target) !== name) return []
      return [
        {
          Id: name,
          LoadState: masked ? 'masked' : 'loaded',
          ActiveState: 'inactive',
          SubState: 'dead',
          UnitFileState: masked ? 'masked' : 'disabled',
          FragmentPath: path,
        },
      ]
    }),
  )
}

export type Systemd = { all: Properties[]; units: Unit[]; unitOfSocket: Map<string, string> }

export function readSystemd(host: Host, show: string, clock: Clock): Systemd {
  const loaded = parseShow(show)
  const all = [...loaded, ...unloaded(host, new Set(loaded.map(({ Id }) => Id)))]
  const worst = { failed: 0, degraded: 1, unknown: 2, stopped: 3, ok: 4 }
  const rank = (unit: Unit): number => worst[unit.health.state] * 2 + (unit.kind === 'service' ? 0 : 1)
  const units = all
    .filter(isOfInterest)
    .map((unit) => describeUnit(unit, clock))
    .sort((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1))
  return { all, units, unitOfSocket: socketUnits(all) }
}

/** Port or path → the socket unit that listens there: `[::]:22 (Stream)`, `/run/x (Stream)`. */
function socketUnits(all: readonly Properties[]): Map<string, string> {
  const found = new Map<string, string>()
  for (const { Id, Listen = '', ActiveState } of all) {
    if (!Id.endsWith('.socket') || ActiveState !== 'active') continue
    for (const line of Listen.split('\n')) {
      const address = line.replace(/ \(\w+\)$/, '')
      if (address) found.set(/(?:^|:)(\d+)$/.exec(address)?.[1] ?? address, Id)
    }
  }
  return found
}
