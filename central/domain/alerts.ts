// Threshold alerts. Pure: a state and a reading go in, a state and the changes come out. What is watched is a table.
// A level is reached after `up` readings in a row at or above its bound, and left after `down` readings below its lower
// one, so that a value that swings around a bound raises one alert and not twenty.
import type { HostSample } from './server.ts'

export const SEVERITIES = ['info', 'warning', 'critical'] as const
export type Severity = (typeof SEVERITIES)[number]
export const ALERT_STATUSES = ['active', 'resolved'] as const
export type AlertStatus = (typeof ALERT_STATUSES)[number]

export type Alert = {
  id: string
  workspace_id: string
  server_id: string
  kind: AlertKind
  severity: Severity
  status: AlertStatus
  message: string
  value: number | null
  raised_at: number
  resolved_at: number | null
}

type Level = { severity: Severity; raise: number; leave: number }
type Rule = { up: number; down: number; levels: readonly Level[]; message: (reading: Reading) => string }

/** `note` names what the value is of, for example the mount point. */
export type Reading = { value: number; note?: string }

const percent = (what: string) => (reading: Reading) => `${what} at ${Math.round(reading.value)} %`
const on = (what: string) => (reading: Reading) => `${what} ${Math.round(reading.value)} % full on ${reading.note}`

/** Levels from mild to grave. Readings of a host come every LIMITS.heartbeat. */
export const ALERT_RULES = {
  cpu: {
    up: 6,
    down: 6,
    levels: [
      { severity: 'warning', raise: 85, leave: 75 },
      { severity: 'critical', raise: 95, leave: 90 },
    ],
    message: percent('CPU'),
  },
  memory: {
    up: 3,
    down: 3,
    levels: [
      { severity: 'warning', raise: 85, leave: 80 },
      { severity: 'critical', raise: 95, leave: 92 },
    ],
    message: percent('Memory'),
  },
  swap: {
    up: 6,
    down: 6,
    levels: [
      { severity: 'info', raise: 50, leave: 40 },
      { severity: 'warning', raise: 80, leave: 70 },
    ],
    message: percent('Swap'),
  },
  disk: {
    up: 2,
    down: 2,
    levels: [
      { severity: 'warning', raise: 85, leave: 83 },
      { severity: 'critical', raise: 95, leave: 93 },
    ],
    message: on('Disk'),
  },
  inodes: {
    up: 2,
    down: 2,
    levels: [
      { severity: 'warning', raise: 85, leave: 83 },
      { severity: 'critical', raise: 95, leave: 93 },
    ],
    message: on('Inodes'),
  },
  load: {
    up: 6,
    down: 6,
    levels: [
      { severity: 'warning', raise: 2, leave: 1.5 },
      { severity: 'critical', raise: 4, leave: 3 },
    ],
    message: ({ value }) => `Load of ${value.toFixed(1)} per CPU over five minutes`,
  },
  offline: {
    up: 1,
    down: 1,
    levels: [{ severity: 'critical', raise: 1, leave: 1 }],
    message: () => 'The agent is not connected',
  },
  clone: {
    up: 1,
    down: 1,
    levels: [{ severity: 'critical', raise: 1, leave: 1 }],
    message: () =>
      'A second agent tried to connect with the identity of this server: the host, or its agent’s key, has been copied',
  },
  // Percent of the certificate's life that is over. It is renewed at half.
  certificate: {
    up: 1,
    down: 1,
    levels: [
      { severity: 'info', raise: 70, leave: 70 },
      { severity: 'warning', raise: 85, leave: 85 },
      { severity: 'critical', raise: 95, leave: 95 },
    ],
    message: ({ value }) => `The agent’s certificate has not been renewed: ${Math.floor(value)} % of its life is over`,
  },
} as const satisfies Record<string, Rule>

export type AlertKind = keyof typeof ALERT_RULES
export const ALERT_KINDS = Object.keys(ALERT_RULES) as AlertKind[]
export type Readings = Partial<Record<AlertKind, Reading>>

/**
 * Level index, -1 for none; readings in a row that speak for a higher or for a lower one, and the level nearest to the
 * present one that all of them reach: one spike does not make a warning critical.
 */
type Watch = { level: number; up: number; down: number; towards: number }
export type AlertState = Readonly<Partial<Record<AlertKind, Watch>>>

export type AlertChange =
  | { kind: AlertKind; to: 'raised' | 'changed'; severity: Severity; value: number; message: string }
  | { kind: AlertKind; to: 'resolved'; value: number }

const QUIET: Watch = { level: -1, up: 0, down: 0, towards: -1 }

/** The state that goes with alerts that are already active, for a start. */
export const stateOfActive = (active: readonly Pick<Alert, 'kind' | 'severity'>[]): AlertState =>
  Object.fromEntries(active.map((alert) => [alert.kind, at(levelOf(alert.kind, alert.severity))]))

/** Takes the readings that are there; kinds without one stay as they are. */
export function stepAlerts(state: AlertState, readings: Readings): { state: AlertState; changes: AlertChange[] } {
  const changes: AlertChange[] = []
  let next = state
  for (const kind of ALERT_KINDS) {
    const reading = readings[kind]
    if (!reading) continue
    const before = state[kind] ?? QUIET
    const after = stepWatch(ALERT_RULES[kind], before, reading.value)
    if (after !== before) next = withWatch(next, kind, after)
    if (after.level !== before.level) changes.push(changeOf(kind, before.level, after.level, reading))
  }
  return { state: next, changes }
}

function stepWatch(rule: Rule, watch: Watch, value: number): Watch {
  const reached = rule.levels.findLastIndex((level) => value >= level.raise)
  if (reached > watch.level) {
    const towards = watch.up === 0 ? reached : Math.min(watch.towards, reached)
    return watch.up + 1 >= rule.up ? at(towards) : { ...watch, up: watch.up + 1, down: 0, towards }
  }
  const held = rule.levels.findLastIndex((level, index) => index <= watch.level && value >= level.leave)
  if (held < watch.level) {
    const towards = watch.down === 0 ? held : Math.max(watch.towards, held)
    return watch.down + 1 >= rule.down ? at(towards) : { ...watch, up: 0, down: watch.down + 1, towards }
  }
  return watch.up === 0 && watch.down === 0 ? watch : at(watch.level)
}

const at = (level: number): Watch => ({ level, up: 0, down: 0, towards: level })

/** A quiet watch is not kept: most servers have no alert, and there are ten thousand of them. */
function withWatch(state: AlertState, kind: AlertKind, watch: Watch): AlertState {
  const { [kind]: _, ...rest } = state
  const quiet = watch.level === -1 && watch.up === 0
  return quiet ? rest : { ...rest, [kind]: watch }
}

function changeOf(kind: AlertKind, from: number, to: number, reading: Reading): AlertChange {
  const rule: Rule = ALERT_RULES[kind]
  const level = rule.levels[to]
  if (!level) return { kind, to: 'resolved', value: reading.value }
  const { severity } = level
  return {
    kind,
    to: from === -1 ? 'raised' : 'changed',
    severity,
    value: reading.value,
    message: rule.message(reading),
  }
}

function levelOf(kind: AlertKind, severity: Severity): number {
  const levels: readonly Level[] = ALERT_RULES[kind].levels
  return Math.max(
    0,
    levels.findIndex((level) => level.severity === severity),
  )
}

/** What a heartbeat says, in the words of the rules. A host without swap or without a disk has no reading of it. */
export function readingsOf(sample: HostSample): Readings {
  const used = (total: number, free: number) => (total > 0 ? (100 * (total - free)) / total : undefined)
  const memory = used(sample.memoryTotal, sample.memoryAvailable)
  const swap = used(sample.swapTotal, sample.swapFree)
  const disk = worst(sample.disks.map((d) => ({ value: used(d.total, d.available), note: d.mount })))
  const inodes = worst(sample.disks.map((d) => ({ value: used(d.inodes, d.inodesFree), note: d.mount })))
  return {
    cpu: { value: sample.cpuPercent },
    ...(sample.cpus > 0 && { load: { value: sample.load5 / sample.cpus } }),
    ...(memory !== undefined && { memory: { value: memory } }),
    ...(swap !== undefined && { swap: { value: swap } }),
    ...(disk && { disk }),
    ...(inodes && { inodes }),
  }
}

function worst(readings: readonly { value: number | undefined; note: string }[]): Reading | undefined {
  let found: Reading | undefined
  for (const { value, note } of readings) {
    if (value !== undefined && value > (found?.value ?? -1)) found = { value, note }
  }
  return found
}

/** What the readings reach at this moment, with the gravest level each: a single sample, which need not last. */
export function reachedNow(readings: Readings): { kind: AlertKind; severity: Severity; message: string }[] {
  return ALERT_KINDS.flatMap((kind) => {
    const reading = readings[kind]
    const { levels, message }: Rule = ALERT_RULES[kind]
    const level = reading && levels.findLast(({ raise }) => reading.value >= raise)
    return level ? [{ kind, severity: level.severity, message: message(reading) }] : []
  })
}
