/** What every matcher works with: the line, what was found on it, and how far it was looked at. */

export type Secret = {
  start: number
  end: number
  rule: string
  /** What the marker's tag is made of; undefined when it would help guessing (under 64 bits) or the secret is cut. */
  tagged: string | undefined
  /** How a secret goes on that is longer than the window: to the end of the line, or to the next space or quote. */
  tail: 'line' | 'word'
  /** A private key begins here and does not end on this line. */
  open?: true
}

export type Line = {
  readonly text: string
  readonly lineStart: boolean
  readonly secrets: Secret[]
  /** By rule: positions before this one need not be tried (already inside a match, or inside a run that failed). */
  readonly done: Int32Array
  /** Where the next private key ends; -1 once there is none, so that it is looked for once. */
  keyEnd: number
  bareEnd: number
  bareTries: number
  programs: number
}

export type Matcher = {
  readonly anchors: readonly string[]
  readonly match: (line: Line, at: number, index: number) => void
}

export const ALNUM = charTable(/[A-Za-z0-9]/)
export const NAME = charTable(/[\w.-]/)

export function charTable(set: RegExp): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => (set.test(String.fromCharCode(code)) ? 1 : 0))
}

/** True where a word may begin: also after `\n` spelt out in JSON, after %20 and after a Unicode escape. */
export function isEdge(text: string, at: number): boolean {
  if (at === 0 || ALNUM[text.charCodeAt(at - 1)] === 0) return true
  const before = text.slice(Math.max(0, at - 6), at)
  return /(?:\\[nrtbf]|%[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2})$/.test(before)
}

export function add(line: Line, start: number, end: number, rule: string, tail: Secret['tail'], tagged: boolean): void {
  if (end > start)
    line.secrets.push({ start, end, rule, tagged: tagged ? line.text.slice(start, end) : undefined, tail })
}

export function endOf(sticky: RegExp, text: string, at: number): number {
  sticky.lastIndex = at
  return sticky.test(text) ? sticky.lastIndex : at
}
