// Figures of a benchmark: medians with their range, and lines that pass or do not.

export type Verdict = 'gate met' | 'GATE MISSED' | 'goal met' | 'goal not reached' | undefined
/** `values` are one a round. */
export type Row = { name: string; values: readonly number[]; unit: string; verdict?: Verdict; note?: string }
export type Line = { title: string; notes: readonly string[]; rows: readonly Row[] }

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? (sorted[half] ?? 0) : ((sorted[half - 1] ?? 0) + (sorted[half] ?? 0)) / 2
}

const shown = (value: number): string => {
  const size = Math.abs(value)
  if (size >= 100) return Math.round(value).toLocaleString('en')
  return value.toFixed(size >= 10 ? 1 : size >= 0.1 || size === 0 ? 2 : 4)
}

/** The median of a row against its gate (which fails the run) and its goal (which is only said). */
export function judged(
  row: Omit<Row, 'verdict'>,
  bounds: { gate?: number; goal?: number; better: 'higher' | 'lower' },
): Row {
  const value = median(row.values)
  const meets = (bound: number) => (bounds.better === 'higher' ? value >= bound : value <= bound)
  if (bounds.gate !== undefined && !meets(bounds.gate)) return { ...row, verdict: 'GATE MISSED' }
  if (bounds.goal === undefined) return { ...row, verdict: 'gate met' }
  return {
    ...row,
    verdict: meets(bounds.goal) ? 'goal met' : bounds.gate === undefined ? 'goal not reached' : 'gate met',
  }
}

function written({ name, values, unit, verdict, note }: Row): string {
  const range = values.length > 1 ? `${shown(Math.min(...values))}–${shown(Math.max(...values))}` : ''
  const figure = `${shown(median(values)).padStart(9)} ${unit}`
  return `  ${name.padEnd(62)}${figure.padEnd(22)}${range.padEnd(18)}${verdict ?? ''}${note ? `  (${note})` : ''}`.trimEnd()
}

export const print = ({ title, notes, rows }: Line): void =>
  console.log([`\n${title}`, ...notes.map((note) => `  ${note}`), ...rows.map(written)].join('\n'))

export const missed = (lines: readonly Line[]): Row[] =>
  lines.flatMap(({ rows }) => rows.filter(({ verdict }) => verdict === 'GATE MISSED'))

/** CPU seconds of this process, so that a neighbour on the machine counts for little. */
export async function cpuSeconds(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1e6
}
