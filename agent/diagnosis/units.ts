// The units of a host as the checks about services look at them: what is wrong with each, what it said in its last lives, in the
// journal and in log files of its own, and what systemd knows beyond reality.
import type { Unit } from '#proto/contract/reality.ts'
import { UNIT_DIRECTORIES } from '../reality/services/systemd.ts'
import type { Facts, LogLine } from './check.ts'
import { parseJournal } from './journal.ts'
import { readLogs } from './logs.ts'

/** How a unit is, in the words of these checks. `idle`: nobody wants it to run. */
export type State = 'failed' | 'looping' | 'starting' | 'stopped' | 'masked' | 'running' | 'idle'
export type Watched = {
  id: string
  unit: Unit
  state: State
  /** What it said since its start before last, the oldest first. */
  lines: LogLine[]
  /** How its process ended: 203, or 'KILL'. */
  exit?: number | string
}

const TROUBLED_MOST = 24
const CRASHES = 3
const HOUR = 3_600_000
/** A service that came back less than this ago may go again. */
const SHAKY_MS = 10 * 60_000

export function stateOf(unit: Unit, now: number): State {
  if (unit.load === 'masked' && unit.active !== 'active') return 'masked'
  if (/^auto-restart/.test(unit.sub) || unit.result === 'start-limit-hit') return 'looping'
  if (unit.active === 'failed' || unit.load === 'bad-setting' || unit.load === 'error')
    return unit.restarts >= CRASHES ? 'looping' : 'failed'
  if (unit.active === 'activating') return unit.restarts >= CRASHES ? 'looping' : 'starting'
  if (unit.active === 'active' || unit.active === 'reloading')
    return unit.restarts >= CRASHES && now - (unit.since ?? 0) < SHAKY_MS ? 'looping' : 'running'
  if (unit.health.state === 'failed') return 'failed'
  return unit.health.state === 'stopped' ? 'stopped' : 'idle'
}

export const isTroubled = ({ state }: Watched): boolean => state !== 'running' && state !== 'idle'

/** Put there by somebody of this host, not by a package. */
export const isOwn = ({ file = '' }: Unit): boolean =>
  UNIT_DIRECTORIES.some((directory) => file.startsWith(`${directory}/`))

const known = new WeakMap<Facts, Promise<Watched[]>>()

/** Units that are in trouble with their last words, and services that run with what they said in the last hour. */
export function watchUnits(facts: Facts): Promise<Watched[]> {
  const there = known.get(facts) ?? watch(facts)
  known.set(facts, there)
  return there
}

async function watch(facts: Facts): Promise<Watched[]> {
  const { units } = facts.reality
  const states = units.map((unit) => ({ unit, state: stateOf(unit, facts.now) }))
  const troubled = states.filter(({ unit, state }) => isTroubled({ state } as Watched) && unit.kind !== 'other')
  const running = states.filter(
    ({ unit, state }) => unit.kind === 'service' && (state === 'running' || state === 'idle'),
  )
  const [recent, logs] = await Promise.all([facts.journal('recent'), Promise.resolve(readLogs(facts))])
  const byUnit = Map.groupBy([...recent, ...logs], ({ unit }) => unit)
  const last = await Promise.all(
    troubled.slice(0, TROUBLED_MOST).map(async ({ unit, state }): Promise<Watched> => {
      const own = state === 'masked' ? [] : await lifeOf(facts, unit.id)
      const lines = lastLives([...own, ...logs.filter((line) => line.unit === unit.id)].sort((a, b) => a.at - b.at))
      return { id: unit.id, unit, state, lines, ...exitOf(unit, lines) }
    }),
  )
  const alive = running.map(({ unit, state }): Watched => {
    const from = Math.max(facts.now - HOUR, state === 'running' ? (unit.since ?? 0) - 2_000 : 0)
    const lines = (byUnit.get(unit.id) ?? []).filter(({ at }) => at >= from).sort((a, b) => a.at - b.at)
    return { id: unit.id, unit, state, lines, ...exitOf(unit, lines) }
  })
  return [...last, ...alive]
}

/** Of a unit that failed when the host booted, too: what is recent is not enough. */
async function lifeOf(facts: Facts, id: string): Promise<LogLine[]> {
  const life = parseJournal((await facts.run('unit_life', id)) ?? '')
  return life.length > 0 ? life : facts.journal({ unit: id })
}

const BEGINS = /^Start(?:ing|ed) /

/** From its start before last on: what a unit said long ago explains nothing. */
export function lastLives(lines: readonly LogLine[], lives = 2): LogLine[] {
  const bySystemd = lines.flatMap(({ identifier, text }, at) => (identifier === 'systemd' ? [{ at, text }] : []))
  const starts = bySystemd.filter(
    // `Starting` and then `Started` is one start.
    ({ text }, i) =>
      BEGINS.test(text) && !(text.startsWith('Started ') && bySystemd[i - 1]?.text.startsWith('Starting ')),
  )
  return lines.slice(starts.at(-lives)?.at ?? 0)
}

const EXIT = /code=(?:exited, status=(\d+)|(?:killed|dumped), (?:status=\d+\/|signal=)([A-Z0-9]+))/

/** What systemd wrote about the end of a process, else what reality took from its properties. */
function exitOf(unit: Unit, lines: readonly LogLine[]): { exit?: number | string } {
  const line = lines.findLast(({ identifier, text }) => identifier === 'systemd' && EXIT.test(text))
  const [, status, signal] = EXIT.exec(line?.text ?? '') ?? /status (\d+)/.exec(unit.health.why) ?? []
  if (signal) return { exit: signal }
  return status === undefined ? {} : { exit: Number(status) }
}

/** Whether the problem, or its subject, names a unit or another thing. */
export function isNamed({ question }: Facts, name: string): boolean {
  const bare = name.replace(/\.(?:service|timer|socket|mount|path)$/, '').toLowerCase()
  const text = `${question?.problem ?? ''} ${question?.subject ?? ''}`.toLowerCase()
  if (bare.length < 3) return question?.subject === name
  const at = text.indexOf(bare)
  return at >= 0 && !/[\w-]/.test(text[at - 1] ?? ' ') && !/[\w-]/.test(text[at + bare.length] ?? ' ')
}

/** Whether a word of the problem has the stem of a unit's name, or its name the stem of a word: mails, and mailer. */
export function isAbout({ question }: Facts, name: string): boolean {
  const words = `${question.problem} ${question.subject ?? ''}`.toLowerCase().match(/[a-z]{4,}/g) ?? []
  const parts =
    name
      .toLowerCase()
      .replace(/\.\w+$/, '')
      .match(/[a-z]{4,}/g) ?? []
  const stem = (text: string): string => text.replace(/(?:ing|ers?|ed|es|s)$/, '')
  return parts.some((part) => words.some((word) => stem(word).length > 3 && stem(word) === stem(part)))
}

const UNIT_FILE_MAX = 64 * 1024

/** A unit's file with its drop-ins after it, as text. */
export const unitText = ({ host }: Facts, { file, dropIns }: Pick<Unit, 'file' | 'dropIns'>): string =>
  [...(file ? [file] : []), ...dropIns].map((path) => host.text(path, UNIT_FILE_MAX)).join('\n')

/** The values of a setting of a unit's file, in order; an empty one takes those before it away (man 5 systemd.service). */
export function settingsOf(text: string, key: string): string[] {
  const values: string[] = []
  for (const line of text.replace(/\\\n/g, ' ').split('\n')) {
    const [, name, value = ''] = /^\s*([A-Za-z]+)\s*=\s*(.*?)\s*$/.exec(line) ?? []
    if (name !== key) continue
    if (value === '') values.length = 0
    else values.push(value)
  }
  return values
}

/** What speaks of a failure, before what a program says as it goes. */
const GRIEVANCE =
  /\b(?:error|fatal|panic|exception|fail(?:ed|ure)?|cannot|can't|could not|couldn't|unable|denied|refused|invalid|unknown|not found|no such|missing|abort|emerg|crit|traceback|errno|segfault)\b|E[A-Z]{4,}\b/i
/** systemd's own, which say that it failed and never why. */
const HOLLOW =
  /^(?:Start(?:ed|ing)|Stopp(?:ed|ing)|Scheduled restart job)|: (?:Scheduled restart job|Consumed |Deactivated)/

/** The lines that tell most about how a unit ended, the last ones. */
export function lastWords(lines: readonly LogLine[], most = 4): LogLine[] {
  const own = lines.filter(({ identifier }) => identifier !== 'systemd')
  const choices = [
    own.filter(({ text }) => GRIEVANCE.test(text)),
    lines.filter(({ identifier, text }) => identifier !== 'systemd' || !HOLLOW.test(text)),
  ]
  const unique = new Map((choices.find(({ length }) => length > 0) ?? []).map((line) => [line.text, line]))
  return [...unique.values()].slice(-most)
}
