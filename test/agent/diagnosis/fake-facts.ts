// Facts of a host made of files and of what is told of it: its units, what they have logged, who listens where.
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import type { Finding } from '#proto/contract/diagnosis.ts'
import type { Listener, Snapshot, Unit } from '#proto/contract/reality.ts'
import type { Answered, Check, Facts, LogLine } from '../../../agent/diagnosis/check.ts'
import { createHost } from '../../../agent/reality/host.ts'
import { makeTree } from '../reality/tree.ts'

export const NOW = Date.now()
export const MINUTE = 60_000
const BOOT = NOW - 10 * 60 * MINUTE
const OK = { state: 'ok', why: '', evidence: { source: 'systemctl show', at: NOW } } as const

/** What matters of a unit, and what it has logged: `systemd: …` by systemd, the rest by itself, a second apart. */
export type Told = Partial<Unit> & { id: string; file?: string; text?: string; log?: string[]; loggedAt?: number }
export type Said = {
  units?: Told[]
  files?: Record<string, string>
  modes?: Record<string, number>
  links?: Record<string, string>
  problem?: string
  probe?: (port: number, path: string) => Answered
} & Partial<Omit<Snapshot, 'units'>>

const STATES: Record<string, Partial<Unit>> = {
  running: { active: 'active', sub: 'running' },
  failed: {
    active: 'failed',
    sub: 'failed',
    result: 'exit-code',
    health: { ...OK, state: 'failed', why: 'result exit-code, status 1' },
  },
  looping: {
    active: 'activating',
    sub: 'auto-restart',
    result: 'exit-code',
    restarts: 7,
    health: { ...OK, state: 'failed', why: 'crashes again and again, 7 restarts' },
  },
  stopped: {
    active: 'inactive',
    sub: 'dead',
    startup: 'enabled',
    health: { ...OK, state: 'stopped', why: 'enabled, and does not run' },
  },
  idle: { active: 'inactive', sub: 'dead', startup: 'disabled' },
}

/** A unit in one of the states above. */
export const unit = (id: string, state: keyof typeof STATES | string, more: Partial<Told> = {}): Told => ({
  id,
  ...STATES[state],
  ...more,
})

function unitOf({ text, log: _log, loggedAt: _at, ...told }: Told): Unit {
  const kind = told.id.slice(told.id.lastIndexOf('.') + 1) as Unit['kind']
  const file = told.file ?? (text === undefined ? undefined : `/etc/systemd/system/${told.id}`)
  return {
    kind,
    description: '',
    load: 'loaded',
    active: 'active',
    sub: 'running',
    startup: 'enabled',
    result: 'success',
    restarts: 0,
    since: NOW - 60 * MINUTE,
    dropIns: [],
    triggers: [],
    health: OK,
    ...told,
    ...(file && { file }),
  }
}

const linesOf = ({ id, log = [], loggedAt = NOW - 2 * MINUTE }: Told): LogLine[] =>
  log.map((line, i) => {
    const bySystemd = line.startsWith('systemd: ')
    const text = bySystemd ? line.slice(9) : line
    return {
      at: loggedAt + i * 100,
      unit: id,
      identifier: bySystemd ? 'systemd' : id.replace(/\.\w+$/, ''),
      priority: 6,
      pid: bySystemd ? 1 : 100,
      text,
    }
  })

export const listener = (port: number, name: string, address = '0.0.0.0'): Listener => ({
  protocol: 'tcp',
  address,
  port,
  pid: port,
  process: name,
  owner: { kind: 'unit', name: `${name}.service` },
})

export function factsOf(t: { after(hook: () => void): void }, said: Said): Facts {
  const { units = [], files = {}, modes = {}, links = {}, problem = 'something is wrong', probe, ...reality } = said
  const own = Object.fromEntries(
    units.flatMap(({ id, text }) => (text === undefined ? [] : [[`etc/systemd/system/${id}`, text]])),
  )
  const root = makeTree(t, {
    files: { 'etc/passwd': 'root:x:0:0::/root:\napp:x:1001:1001::/:\n', ...own, ...files },
    links,
  })
  for (const [path, mode] of Object.entries(modes)) chmodSync(join(root, path), mode)
  const lines = units.flatMap(linesOf)
  const snapshot: Snapshot = {
    at: NOW,
    tookMs: 1,
    host: {
      hostname: 'h',
      os: { id: 'debian', version: '12', name: 'Debian' },
      kernel: '6.1',
      architecture: 'x86_64',
      bootedAt: BOOT,
      bootId: '',
      init: 'systemd',
      processes: 1,
      processStates: {},
      sockets: {},
    },
    units: units.map(unitOf),
    processes: [],
    listeners: [],
    runtimes: [],
    sites: [],
    stores: [],
    schedules: [],
    supervised: [],
    certificates: [],
    mounts: [],
    packages: { manager: 'dpkg', count: 1, broken: [], rebootRequired: false, installed: {}, health: OK },
    deploys: [],
    changes: [],
    containers: null,
    omitted: {},
    gaps: [],
    ...reality,
  }
  return {
    now: NOW,
    question: { problem },
    host: createHost({ root, runner: async () => ({ code: 1, stdout: '' }), now: NOW }),
    reality: snapshot,
    left: () => 1_000,
    journal: async (of) =>
      typeof of === 'object' ? lines.filter((line) => line.unit === of.unit) : of === 'recent' ? lines : [],
    run: async () => undefined,
    twice: async (read) => [await read(), await read(), 1],
    probe: async ({ port, http = '/' }) => probe?.(port, http) ?? { ok: true, status: 200, why: 'HTTP 200' },
    resolver: async () => ({ ok: true, why: '' }),
  }
}

/** `CAUSE subject`, of those above low. */
export async function serious(t: { after(hook: () => void): void }, check: Check, said: Said): Promise<string[]> {
  return (await found(t, check, said))
    .filter(({ severity }) => severity !== 'low')
    .map(({ cause, subject }) => `${cause} ${subject}`)
}

export const found = async (t: { after(hook: () => void): void }, check: Check, said: Said): Promise<Finding[]> =>
  check.run(factsOf(t, said))
