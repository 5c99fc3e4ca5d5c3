// Something that floods the log: so many lines that others drown, the disk fills, or the journal itself begins to drop them.
import { join } from 'node:path'
import type { Check, Facts, LogLine } from '../check.ts'
import { gib } from '../figures.ts'
import { finding, next, quoted, seen } from '../say.ts'

const WINDOW_MS = 60_000
/** Lines a second, over at least some seconds: a start may be talkative, and so is what starts over and over. */
const MANY = 100
const VERY_MANY = 200
const SECONDS = 4
const AT_ONCE = 1_000
const GROWS = 512 * 1024
const SUPPRESSED = /^Suppressed (\d+) messages from (\S+)/
const SHORTLY_MS = 5 * 60_000

export type Flood = { unit: string; perSecond: number; lines: LogLine[] }

/**
 * Lines a second while it wrote: a list that is cut off begins in the middle. The journal takes so many in half a minute and then none (man 5 journald.conf), so that a
 * flood can look like one moment: then the number alone tells.
 */
export function floodsIn(lines: readonly LogLine[], now: number): Flood[] {
  const recent = lines.filter(({ at, identifier }) => at > now - WINDOW_MS && identifier !== 'kernel')
  return [...Map.groupBy(recent, ({ unit, identifier }) => unit || identifier)].flatMap(([unit, own]) => {
    const seconds = new Set(own.map(({ at }) => Math.floor(at / 1000))).size
    const perSecond = own.length / Math.max(1, seconds)
    return (seconds >= SECONDS || own.length >= AT_ONCE) && perSecond >= MANY ? [{ unit, perSecond, lines: own }] : []
  })
}

const suppressed = (lines: readonly LogLine[], now: number) =>
  lines.flatMap((line) => {
    const [, count, unit] = SUPPRESSED.exec(line.text) ?? []
    return unit && line.at > now - SHORTLY_MS ? [{ line, count: Number(count), unit }] : []
  })

/** Log files, with how much they have grown between two looks. */
async function growing(facts: Facts) {
  const { host } = facts
  const files = ['/var/log', ...host.list('/var/log').map((name) => join('/var/log', name))].filter((path) =>
    host.stat(path)?.isDirectory(),
  )
  const look = (): Map<string, number> =>
    new Map(
      files
        .filter((path) => !path.endsWith('/journal'))
        .flatMap((path) =>
          host.entries(path).map(({ path: file }): [string, number] => [file, host.stat(file)?.size ?? 0]),
        ),
    )
  const [before, after, ms] = await facts.twice(look)
  return [...after].flatMap(([path, size]) => {
    const perSecond = ((size - (before.get(path) ?? size)) * 1000) / ms
    return perSecond >= GROWS ? [{ path, perSecond, size }] : []
  })
}

export const logFlood: Check = {
  name: 'log-flood',
  topics: ['logs', 'disk'],
  async run(facts) {
    const [recent, files] = await Promise.all([facts.journal('recent'), growing(facts)])
    const dropped = suppressed(recent, facts.now)
    const floods = floodsIn(recent, facts.now)
    const silent = [...Map.groupBy(dropped, ({ unit }) => unit)].filter(
      ([unit]) => !floods.some((flood) => flood.unit === unit),
    )
    return [
      ...floods.map(({ unit, perSecond, lines }) => {
        const lost = dropped.filter((each) => each.unit === unit)
        return finding({
          cause: 'LOG_FLOOD',
          subject: unit,
          title: `${unit} writes ${Math.round(perSecond)} lines a second to the journal`,
          severity: perSecond >= VERY_MANY || lost.length > 0 ? 'high' : 'medium',
          confidence: 0.9,
          evidence: [
            seen('journal', facts.now, `${lines.length} of its lines in the last minute that could be read`),
            ...lost.slice(-1).map(({ line }) => quoted(line)),
            ...lines.slice(-2).map(quoted),
          ],
          next: [next.journal(unit), next.run('journalctl --disk-usage', 'How much the journal has')],
        })
      }),
      ...silent.map(([unit, those]) =>
        finding({
          cause: 'LOG_FLOOD',
          subject: unit,
          title: `The journal drops lines of ${unit}: it writes more than is kept`,
          severity: 'high',
          confidence: 0.9,
          evidence: those.slice(-3).map(({ line }) => quoted(line)),
          next: [next.journal(unit)],
        }),
      ),
      ...files.map(({ path, perSecond, size }) =>
        finding({
          cause: 'LOG_FLOOD',
          subject: path,
          title: `${path} grows by ${gib(perSecond)} a second`,
          severity: perSecond > GROWS * 4 ? 'high' : 'medium',
          confidence: 0.85,
          evidence: [seen(path, facts.now, `${gib(size)}, growing by ${gib(perSecond)}/s`)],
          next: [next.read(path, 'What is written')],
        }),
      ),
    ]
  },
}
