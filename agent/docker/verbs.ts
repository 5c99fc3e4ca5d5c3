// The commands of the table of verbs, answered as text like that of the engine's own program. Text that may hold a secret is
// cleaned before it is cut to a column.
import type { Verb } from '#proto/verbs/verb-of.ts'
import { type Asked, askedOf } from './asked.ts'
import { nameOf, portsOf, shortId } from './containers.ts'
import { EngineRefusal, type Filters } from './engine.ts'
import { NotAllowed } from './guard.ts'
import { ago, jsonLines, outline, type Row, short, size, table } from './print.ts'
import type { Asking } from './questions.ts'
import type { Listed, Stats } from './shapes.ts'
import { readLog } from './streams.ts'

/** Text, or bytes as they come. */
export type Printed = AsyncIterable<string | Buffer>
type Answer = (asked: Asked, asking: Asking) => Promise<string>
type Rows = (asked: Asked, asking: Asking) => Promise<Row[]>

const PROJECT = 'com.docker.compose.project'

/** A table, its rows as JSON, or their first column alone (-q). */
const listing =
  (columns: Readonly<Record<string, string>>, read: Rows): Answer =>
  async (asked, asking) => {
    const rows = asking.clean.whole(await read(asked, asking)) as Row[]
    if (asked.has('-q', '--quiet')) return rows.map((row) => `${row[Object.keys(columns)[0] ?? '']}\n`).join('')
    if (asked.json) return jsonLines(rows)
    return table(
      columns,
      rows.map((row) => cut(row, asked)),
    )
  }

/** As the program does it: a command line is long. */
const cut = (row: Row, asked: Asked): Row =>
  asked.has('--no-trunc')
    ? row
    : {
        ...row,
        ...(row.Command && { Command: short(row.Command, 22) }),
        ...(row.CreatedBy && { CreatedBy: short(row.CreatedBy, 45) }),
      }

const idOf = (id: string, asked: Asked): string => (asked.has('--no-trunc') ? id : shortId(id))

const rowOf = (each: Listed, asked: Asked, now: number): Row => ({
  ID: idOf(each.Id, asked),
  Image: each.Image,
  Command: JSON.stringify(each.Command),
  CreatedAt: ago(each.Created * 1_000, now),
  Status: each.Status,
  Ports: portsOf(each).join(', '),
  Names: each.Names.map((name) => name.replace(/^\//, '')).join(','),
  ...(each.SizeRw !== undefined && { Size: `${size(each.SizeRw)} (virtual ${size(each.SizeRootFs ?? 0)})` }),
  ...(asked.json && {
    State: each.State,
    Labels: Object.entries(each.Labels)
      .map((pair) => pair.join('='))
      .join(','),
  }),
  ...(each.Labels[PROJECT] && {
    Project: each.Labels[PROJECT],
    Service: each.Labels['com.docker.compose.service'] ?? '',
  }),
})

const CONTAINERS = {
  ID: 'CONTAINER ID',
  Image: 'IMAGE',
  Command: 'COMMAND',
  CreatedAt: 'CREATED',
  Status: 'STATUS',
  Ports: 'PORTS',
  Names: 'NAMES',
}
const containers: Rows = async (asked, { engine, now }) => {
  const last = asked.has('-l', '--latest') ? '1' : asked.value('-n', '--last')
  const all = asked.has('-a', '--all') || last !== undefined
  const limit = last === undefined ? {} : { limit: Number(last) }
  const found = await engine.containers({ all, ...limit, size: asked.has('-s', '--size'), filters: asked.filters })
  return found.map((each) => rowOf(each, asked, now))
}
const ps: Answer = (asked, asking) =>
  listing(asked.has('-s', '--size') ? { ...CONTAINERS, Size: 'SIZE' } : CONTAINERS, containers)(asked, asking)

const images = listing(
  { ID: 'IMAGE ID', Repository: 'REPOSITORY', Tag: 'TAG', CreatedAt: 'CREATED', Size: 'SIZE' },
  async (asked, { engine, now }) => {
    const reference: Filters = asked.first ? { reference: [asked.first] } : {}
    const found = await engine.images({ all: asked.has('-a', '--all'), filters: { ...asked.filters, ...reference } })
    return found.flatMap((each) =>
      (each.RepoTags.length > 0 ? each.RepoTags : ['<none>:<none>']).map((name) => ({
        ID: idOf(each.Id, asked),
        Repository: name.slice(0, name.lastIndexOf(':')),
        Tag: name.slice(name.lastIndexOf(':') + 1),
        CreatedAt: ago(each.Created * 1_000, now),
        Size: size(each.Size),
        ...(asked.has('--digests') || asked.json ? { Digest: each.RepoDigests[0]?.split('@')[1] ?? '<none>' } : {}),
      })),
    )
  },
)

const history = listing(
  { ID: 'IMAGE', CreatedAt: 'CREATED', CreatedBy: 'CREATED BY', Size: 'SIZE', Comment: 'COMMENT' },
  async (asked, { engine, now }) =>
    (await engine.history(asked.first)).map((each) => ({
      ID: idOf(each.Id, asked),
      CreatedAt: ago(each.Created * 1_000, now),
      CreatedBy: each.CreatedBy,
      Size: size(each.Size),
      Comment: each.Comment,
    })),
)

const percent = (part: number, whole: number): string => `${whole > 0 ? ((100 * part) / whole).toFixed(2) : '0.00'}%`

function statsOf({ cpu_stats: cpu, precpu_stats: before, memory_stats: memory, ...stats }: Stats): Row {
  const used = cpu.cpu_usage.total_usage - before.cpu_usage.total_usage
  const passed = (cpu.system_cpu_usage - before.system_cpu_usage) / Math.max(1, cpu.online_cpus)
  const cache = memory.stats.inactive_file ?? memory.stats.total_inactive_file ?? 0
  const net = Object.values(stats.networks)
  const total = (numbers: number[]): number => numbers.reduce((sum, each) => sum + each, 0)
  const blocks = (op: string): number =>
    total(
      (stats.blkio_stats.io_service_bytes_recursive ?? []).flatMap((each) =>
        each.op.toLowerCase() === op ? [each.value] : [],
      ),
    )
  return {
    CPUPerc: percent(used, passed),
    MemUsage: `${size(Math.max(0, memory.usage - cache))} / ${size(memory.limit)}`,
    MemPerc: percent(Math.max(0, memory.usage - cache), memory.limit),
    NetIO: `${size(total(net.map((each) => each.rx_bytes)))} / ${size(total(net.map((each) => each.tx_bytes)))}`,
    BlockIO: `${size(blocks('read'))} / ${size(blocks('write'))}`,
    PIDs: String(stats.pids_stats.current),
  }
}

const stats = listing(
  {
    ID: 'CONTAINER ID',
    Name: 'NAME',
    CPUPerc: 'CPU %',
    MemUsage: 'MEM USAGE / LIMIT',
    MemPerc: 'MEM %',
    NetIO: 'NET I/O',
    BlockIO: 'BLOCK I/O',
    PIDs: 'PIDS',
  },
  async (asked, { engine }) => {
    const found = await engine.containers({ all: asked.has('-a', '--all') || asked.operands.length > 0 })
    const isMeant = (each: Listed): boolean =>
      asked.operands.length === 0 || asked.operands.some((name) => name === nameOf(each) || each.Id.startsWith(name))
    const one = async (each: Listed) => ({
      ID: idOf(each.Id, asked),
      Name: nameOf(each),
      ...statsOf(await engine.stats(each.Id)),
    })
    return Promise.all(found.filter(isMeant).slice(0, 50).map(one))
  },
)

const networks = listing(
  { ID: 'NETWORK ID', Name: 'NAME', Driver: 'DRIVER', Scope: 'SCOPE' },
  async (asked, { engine }) =>
    (await engine.networks(asked.filters)).map(({ Id, Name, Driver, Scope }) => ({
      ID: idOf(Id, asked),
      Name,
      Driver,
      Scope,
    })),
)
const volumes = listing({ Name: 'VOLUME NAME', Driver: 'DRIVER' }, async (asked, { engine }) =>
  (await engine.volumes(asked.filters)).Volumes.map(({ Name, Driver }) => ({ Name, Driver })),
)

type Used = { Size?: number; SizeRw?: number; UsageData?: { Size?: number } }
const usage = listing({ Type: 'TYPE', Total: 'TOTAL', Size: 'SIZE' }, async (_asked, { engine }) => {
  const found = await engine.usage()
  const rows = { Images: 'Images', Containers: 'Containers', Volumes: 'Local Volumes', BuildCache: 'Build Cache' }
  return Object.entries(rows).map(([key, Type]) => {
    const list = (Array.isArray(found[key]) ? found[key] : []) as Used[]
    const bytes = list.reduce(
      (sum, each) => sum + (each.UsageData?.Size ?? each.SizeRw ?? (key === 'Containers' ? 0 : (each.Size ?? 0))),
      0,
    )
    return { Type, Total: String(list.length), Size: size(Math.max(0, bytes)) }
  })
})

/** Of the projects' labels; the files that they came from are not looked at. */
const projects = listing({ Name: 'NAME', Status: 'STATUS', ConfigFiles: 'CONFIG FILES' }, async (asked, { engine }) => {
  const found = await engine.containers({ all: asked.has('-a', '--all'), filters: { label: [PROJECT] } })
  return [...Map.groupBy(found, ({ Labels }) => Labels[PROJECT] ?? '')].map(([Name, members]) => ({
    Name,
    Status: [...Map.groupBy(members, ({ State }) => State)]
      .map(([state, each]) => `${state}(${each.length})`)
      .join(', '),
    ConfigFiles: members[0]?.Labels['com.docker.compose.project.config_files'] ?? '',
  }))
})
const project: Answer = async (asked, asking) => {
  const label = [`${PROJECT}=${asked.value('-p', '--project-name')}`]
  const rows: Rows = async () =>
    (await asking.engine.containers({ all: asked.has('-a', '--all'), filters: { label } })).map((each) =>
      rowOf(each, asked, asking.now),
    )
  if (asked.has('--services'))
    return [...new Set((await rows(asked, asking)).map(({ Service }) => `${Service}\n`))].join('')
  const { ID: _id, Names: _names, ...columns } = CONTAINERS
  return listing(
    { ...(asked.has('-q', '--quiet') ? { ID: 'ID' } : {}), Names: 'NAME', Service: 'SERVICE', ...columns },
    rows,
  )(asked, asking)
}

const top: Answer = async (asked, { engine, clean }) => {
  const { Titles, Processes } = await engine.top(asked.first)
  const row = (cells: readonly string[]): Row => Object.fromEntries(cells.map((cell, i) => [`c${i}`, clean.text(cell)]))
  return table(row(Titles), Processes.map(row))
}

const port: Answer = async (asked, { engine }) => {
  const { Id } = await engine.container(asked.first)
  const found = (await engine.containers({ all: true, filters: { id: [Id] } })).flatMap(portsOf)
  const lines = found.flatMap((each) => {
    const [outside, inside = ''] = each.split('->')
    return inside && (asked.operands[1] ?? inside).split('/')[0] === inside.split('/')[0]
      ? [`${inside} -> ${outside}\n`]
      : []
  })
  return lines.join('')
}

const diff: Answer = async (asked, { engine, clean }) =>
  (await engine.changes(asked.first)).map(({ Kind, Path }) => `${'CAD'[Kind] ?? '?'} ${clean.text(Path)}\n`).join('')

const told =
  (read: (asking: Asking) => Promise<unknown>): Answer =>
  async (asked, asking) => {
    const found = asking.clean.whole(await read(asking))
    return asked.json ? jsonLines([found]) : outline(found)
  }

const events: Answer = async (asked, { engine, clean, now }) => {
  const end = Math.floor(now / 1_000)
  const until = Math.min(end, Math.floor(Number(asked.moment('--until'))))
  const found = await engine.events(Math.floor(Number(asked.moment('--since') ?? end)), until, asked.filters)
  if (asked.json) return jsonLines(clean.whole(found) as unknown[])
  return found
    .map(({ time, Type, Action, Actor }) => {
      const attributes = Object.entries(clean.whole(Actor.Attributes) as Row).map((pair) => pair.join('='))
      return `${new Date(time * 1_000).toISOString()} ${Type} ${clean.text(Action)} ${shortId(Actor.ID)} (${attributes.join(', ')})\n`
    })
    .join('')
}

const KINDS = ['container', 'image', 'network', 'volume'] as const
type Kind = (typeof KINDS)[number]

/** Each name is looked for among the kinds, in their order. */
const inspect = (of?: Kind) =>
  async function* (asked: Asked, { engine, clean }: Asking): Printed {
    const type = of ?? (asked.value('--type') as Kind | undefined)
    const found: unknown[] = []
    const missing: string[] = []
    for (const name of asked.operands) {
      const whole = await firstOf(type ? [type] : KINDS, (kind) => engine.whole(kind, name))
      if (whole) found.push(clean.whole(whole))
      else missing.push(name)
    }
    yield asked.json ? jsonLines(found) : `${JSON.stringify(found, null, 4)}\n`
    if (missing.length > 0) throw new EngineRefusal(404, `no such ${type ?? 'object'}: ${missing.join(', ')}`)
  }

async function firstOf<T>(kinds: readonly Kind[], ask: (kind: Kind) => Promise<T>): Promise<T | undefined> {
  for (const kind of kinds) {
    try {
      return await ask(kind)
    } catch (error) {
      // A name that this kind of thing cannot have is refused by the guard.
      if (!(error instanceof EngineRefusal) && !(error instanceof NotAllowed)) throw error
    }
  }
  return undefined
}

async function* logs(asked: Asked, { engine }: Asking): Printed {
  const { Id, Config } = await engine.container(asked.first)
  const since = asked.moment('--since')
  const until = asked.moment('--until')
  const stream = await engine.logs(Id, {
    tail: asked.value('-n', '--tail') ?? 'all',
    timestamps: asked.has('-t', '--timestamps'),
    details: asked.has('--details'),
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
  })
  for await (const { data } of readLog(stream as AsyncIterable<Buffer>, Config.Tty)) yield data
}

const printed = (answer: Answer) =>
  async function* (asked: Asked, asking: Asking): Printed {
    yield await answer(asked, asking)
  }

const VERBS: Readonly<Record<string, (asked: Asked, asking: Asking) => Printed>> = {
  ...Object.fromEntries(['ps', 'container ls', 'container list', 'container ps'].map((name) => [name, printed(ps)])),
  ...Object.fromEntries(['images', 'image ls', 'image list'].map((name) => [name, printed(images)])),
  ...Object.fromEntries(['network ls', 'network list'].map((name) => [name, printed(networks)])),
  ...Object.fromEntries(['volume ls', 'volume list'].map((name) => [name, printed(volumes)])),
  ...Object.fromEntries(['history', 'image history'].map((name) => [name, printed(history)])),
  ...Object.fromEntries(['info', 'system info'].map((name) => [name, printed(told(({ engine }) => engine.info()))])),
  ...both('stats', printed(stats)),
  ...both('top', printed(top)),
  ...both('port', printed(port)),
  ...both('diff', printed(diff)),
  ...both('logs', logs),
  inspect: inspect(),
  ...Object.fromEntries(KINDS.map((kind) => [`${kind} inspect`, inspect(kind)])),
  version: printed(told(({ engine }) => engine.version())),
  'system df': printed(usage),
  events: printed(events),
  'compose ls': printed(projects),
  'compose ps': printed(project),
}

function both(name: string, answer: (asked: Asked, asking: Asking) => Printed) {
  return { [name]: answer, [`container ${name}`]: answer }
}

/** What a verb of the table prints. @throws CatalogueError VALIDATION_ERROR for a time that is none */
export function printVerb(verb: Verb, asking: Asking): Printed {
  const name = verb.verb.slice(verb.program.length + 1)
  const answer = VERBS[name]
  if (!answer) throw new Error(`a verb without an answer: ${name}`)
  return answer(askedOf(verb, asking.now), asking)
}

export const ANSWERED: readonly string[] = Object.keys(VERBS)
