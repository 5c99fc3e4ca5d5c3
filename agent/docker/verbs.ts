// The commands of the table of verbs, answered as text like that of the engine's own program.
import type { Verb } from '#proto/verbs/verb-of.ts'
import { type Asked, askedOf } from './asked.ts'
import { portsOf, shortId } from './containers.ts'
import { EngineRefusal } from './engine.ts'
import { NotAllowed } from './guard.ts'
import type { Answer } from './listing.ts'
import { history, images, networks, usage, volumes } from './lists.ts'
import { jsonLines, outline, type Row, table } from './print.ts'
import { project, projects, ps } from './ps.ts'
import type { Asking } from './questions.ts'
import { stats } from './stats.ts'
import { readLog } from './streams.ts'

/** Text, or bytes as they come. */
export type Printed = AsyncIterable<string | Buffer>

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
