// Servers of a known make, those that run and those that should: version, data, chosen settings, connections, health.
import { join } from 'node:path'
import type { Health, Store, Unit } from '#proto/contract/reality.ts'
import { judge } from '../health.ts'
import type { Host } from '../host.ts'
import { type Process, programOf } from '../kernel/processes.ts'
import type { Installed } from '../packages/database.ts'
import { STORES, type StoreRow } from './store-table.ts'

const CONFIG_MAX = 512 * 1024
const NEARLY_ALL = 0.9

/** `key value`, `key = value`, `key: value` alike; the last one counts, as these programs take it. */
export function parseSettings(text: string, wanted: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {}
  for (const line of text.split('\n')) {
    const [, key = '', value = ''] = /^\s*(-?[\w.-]+)(?:\s*[=:]\s*|\s+)(.*)$/.exec(line.slice(0, 1_000)) ?? []
    if (wanted.includes(key)) found[key] = plainValue(value)
  }
  return found
}

const plainValue = (text: string): string => {
  const quoted = /^(["'])(.*?)\1/.exec(text)
  return quoted ? (quoted[2] ?? '') : text.replace(/\s+#.*$|;\s*$/, '').trim()
}

const runs = (row: StoreRow, process: Process): boolean => {
  const programFits =
    row.program === undefined || row.program.test(programOf(process)) || row.program.test(process.name)
  return programFits && (row.command === undefined || row.command.test(process.argv.join(' ')))
}

/** The first process of each: its workers are its children, or children of those. */
function leadersOf(row: StoreRow, processes: readonly Process[]): Process[] {
  const own = processes.filter((each) => each.owner.kind !== 'kernel' && each.state !== 'Z' && runs(row, each))
  const pids = new Set(own.map(({ pid }) => pid))
  return own.filter(({ parent }) => !pids.has(parent))
}

type World = { host: Host; processes: readonly Process[]; units: readonly Unit[]; installed: Installed }
type Found = { row: StoreRow; leader?: Process; unit?: Unit }

function find({ processes, units }: World): Found[] {
  return STORES.flatMap((row): Found[] => {
    const leaders = leadersOf(row, processes)
    const running = leaders.map((leader): Found => {
      const unit = units.find(({ id }) => leader.owner.kind === 'unit' && id === leader.owner.name)
      return { row, leader, ...(unit && { unit }) }
    })
    // One that should run, or failed, and has no process.
    const idle = units.filter(
      (unit) =>
        row.unit.test(unit.id.includes('.') ? unit.id : `${unit.id}.service`) &&
        unit.health.state !== 'ok' &&
        !running.some((each) => each.unit === unit),
    )
    return [...running, ...idle.map((unit) => ({ row, unit }))]
  })
}

/** What lies in a container is another host's file. */
const isHere = (leader: Process | undefined): boolean =>
  !leader || (leader.owner.kind !== 'container' && leader.owner.kind !== 'machine')

function describe(
  { row, leader, unit }: Found,
  { host, processes, installed }: World,
): Store & { configFile?: string } {
  const command = leader?.argv.join(' ') ?? ''
  const here = isHere(leader)
  const named = row.configOption?.exec(command)?.[1]
  const data = row.data?.option?.exec(command)?.[1]
  const configFile = here
    ? [named, data && join(data, 'postgresql.conf'), ...(row.config ?? [])].find((path) => path && host.exists(path))
    : undefined
  const dataSetting = row.data?.setting
  const settings = configFile
    ? parseSettings(host.text(configFile, CONFIG_MAX), [...row.settings, ...(dataSetting ? [dataSetting] : [])])
    : {}
  const dataDirectory = data ?? (dataSetting && settings[dataSetting]) ?? (here ? row.data?.path : undefined)
  const version = here ? versionOf(row, leader, dataDirectory, host, installed) : undefined
  const used = row.connections && leader ? connectionsOf(row.connections, leader, processes, settings) : undefined
  return {
    kind: row.kind,
    software: row.software,
    ...(version && { version: version }),
    ...(leader ? { owner: leader.owner, pid: leader.pid } : unit ? { owner: { kind: 'unit', name: unit.id } } : {}),
    ...(dataDirectory && { dataDirectory: dataDirectory }),
    ...(configFile && { config: configFile, configFile }),
    settings: Object.fromEntries(Object.entries(settings).map(([key, value]) => [key, value])),
    ...(used && { connections: used }),
    health: judgeStore(leader, unit, used, host.now),
  }
}

function versionOf(
  row: StoreRow,
  leader: Process | undefined,
  data: string | undefined,
  host: Host,
  installed: Installed,
): string | undefined {
  const ofPostgres = /\/(?:postgresql\/|pgsql-|postgresql)(\d+)\/bin\//.exec(leader?.exe ?? '')?.[1]
  const name = [
    ...(ofPostgres ? [`postgresql-${ofPostgres}`, `postgresql${ofPostgres}-server`] : []),
    ...row.packages,
    ...(row.software === 'postgresql' ? ['postgresql-server'] : []),
  ].find((each) => installed.version(each))
  if (name) return installed.upstream(name)
  const file =
    row.versionFile && data ? /^\s*([\d.]+)\s*$/.exec(host.text(join(data, row.versionFile), 64))?.[1] : undefined
  return file ?? ofPostgres
}

function connectionsOf(
  rule: NonNullable<StoreRow['connections']>,
  leader: Process,
  processes: readonly Process[],
  settings: Record<string, string>,
) {
  const used = processes.filter(({ parent, argv }) => parent === leader.pid && rule.process.test(argv[0] ?? '')).length
  return { used, most: Number.parseInt(settings[rule.most] ?? '', 10) || rule.fallback }
}

function judgeStore(
  leader: Process | undefined,
  unit: Unit | undefined,
  connections: { used: number; most: number } | undefined,
  at: number,
): Health {
  if (unit && unit.health.state !== 'ok') return unit.health
  if (leader?.state === 'D')
    return judge('degraded', 'its main process waits for a disk', `/proc/${leader.pid}/stat`, at)
  if (connections && connections.used >= connections.most * NEARLY_ALL)
    return judge('degraded', `${connections.used} of ${connections.most} connections in use`, '/proc', at)
  return leader
    ? judge('ok', 'runs', `/proc/${leader.pid}`, at)
    : judge('unknown', 'its process was not found', '/proc', at)
}

/** `configs`: the files whose change is a change of the host. */
export function readStores(world: World): { stores: Store[]; configs: string[] } {
  const described = find(world).map((each) => describe(each, world))
  return {
    stores: described.map(({ configFile: _, ...store }) => store),
    configs: described.flatMap(({ configFile }) => configFile ?? []),
  }
}
