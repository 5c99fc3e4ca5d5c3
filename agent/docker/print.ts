// How an answer looks: a table as the engine's own program prints it, a line of JSON for each thing, or an outline.
export type Row = Readonly<Record<string, string>>

const GAP = '   '
const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const
const STEPS = [
  [31_536_000, 'years'],
  [2_592_000, 'months'],
  [604_800, 'weeks'],
  [86_400, 'days'],
  [3_600, 'hours'],
  [60, 'minutes'],
  [1, 'seconds'],
] as const

/** `columns`: key of a row → its heading. */
export function table(columns: Readonly<Record<string, string>>, rows: readonly Row[]): string {
  const lines = [Object.values(columns), ...rows.map((row) => Object.keys(columns).map((key) => row[key] ?? ''))]
  const widths = Object.keys(columns).map((_key, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)))
  return lines
    .map(
      (line) =>
        `${line
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join(GAP)
          .trimEnd()}\n`,
    )
    .join('')
}

export const jsonLines = (rows: readonly unknown[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('')

/** Nested values, indented, empty ones left out. */
export function outline(value: unknown, depth = 0): string {
  const indent = ' '.repeat(depth)
  if (typeof value !== 'object' || value === null) return `${indent}${value}\n`
  return Object.entries(value)
    .filter(([, each]) => each !== null && each !== '' && !(typeof each === 'object' && Object.keys(each).length === 0))
    .map(([key, each]) => {
      const label = Array.isArray(value) ? '-' : `${key}:`
      return typeof each === 'object' ? `${indent}${label}\n${outline(each, depth + 1)}` : `${indent}${label} ${each}\n`
    })
    .join('')
}

export function size(bytes: number): string {
  const step = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3))
  return `${Number((bytes / 1000 ** step).toPrecision(3))}${UNITS[step]}`
}

export function ago(at: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - at) / 1_000))
  const [unit, name] = STEPS.find(([length]) => seconds >= 2 * length) ?? [1, 'seconds']
  return `${Math.floor(seconds / unit)} ${name} ago`
}

export const short = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text)
