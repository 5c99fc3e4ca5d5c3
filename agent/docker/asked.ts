// A verb's arguments as its answer reads them. The table of verbs has looked at them before.
import { CatalogueError } from '#proto/contract/errors.ts'
import type { Verb } from '#proto/verbs/verb-of.ts'
import type { Filters } from './engine.ts'

export type Asked = ReturnType<typeof askedOf>

const DURATION = /^-?(?:\d+(?:ms|s|m|h))+$/
const SECONDS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3_600 }

export function askedOf({ options, operands }: Pick<Verb, 'options' | 'operands'>, now: number) {
  const values = (...names: string[]): string[] =>
    options.flatMap(({ name, value }) => (names.includes(name) ? [value] : []))
  return {
    operands,
    first: operands[0] ?? '',
    has: (...names: string[]): boolean => options.some(({ name }) => names.includes(name)),
    value: (...names: string[]): string | undefined => values(...names).at(-1),
    json: values('-f', '--format').some((format) => format.includes('json')),
    filters: filtersOf(values('-f', '--filter').filter((value) => value.includes('='))),
    /** Unix seconds, as the engine's interface wants them. */
    moment: (name: string): string | undefined => {
      const text = values(name).at(-1)
      return text === undefined ? undefined : momentOf(text, now)
    },
  }
}

function filtersOf(pairs: readonly string[]): Filters {
  const filters: Record<string, string[]> = {}
  for (const pair of pairs) {
    const at = pair.indexOf('=')
    const name = pair.slice(0, at)
    filters[name] = [...(filters[name] ?? []), pair.slice(at + 1)]
  }
  return filters
}

/** `10m`, `2026-01-01T10:00`, `1767225600`, `now`. */
function momentOf(text: string, now: number): string {
  if (/^\d{1,12}(?:\.\d{1,9})?$/.test(text)) return text
  if (text === 'now') return String(Math.floor(now / 1_000))
  if (DURATION.test(text)) {
    const parts = [...text.matchAll(/(\d+)(ms|s|m|h)/g)]
    const seconds = parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (SECONDS[unit] ?? 0), 0)
    return String(Math.max(0, Math.floor(now / 1_000 - seconds)))
  }
  const at = Date.parse(text)
  if (Number.isNaN(at)) throw new CatalogueError('VALIDATION_ERROR', { field: 'command', why: `Not a time: ${text}` })
  return String(Math.floor(at / 1_000))
}
