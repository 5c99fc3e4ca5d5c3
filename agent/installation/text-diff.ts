// What differs in a text of ours, for a person to read: a unified diff, redacted and bounded.
import type { Drift } from '#proto/contract/installation.ts'
import { diffContents } from '../reading/diff.ts'

const LINES = 100
const LINE = 300
/** Characters of all diffs of one report; beyond it a difference is named without its lines. */
const REPORT = 64 * 1024

/** @param should empty: it is not to be there */
export function textDiff(place: string, was: string | undefined, should: string): Pick<Drift, 'diff'> {
  if (was === undefined) return {}
  const lines = unified(place, was, should)
  const shown = lines.slice(0, LINES).map((line) => (line.length > LINE ? `${line.slice(0, LINE)}…` : line))
  const more = lines.length - shown.length
  return lines.length === 0 ? {} : { diff: [...shown, ...(more > 0 ? [`… and ${more} lines more`] : [])] }
}

function unified(place: string, was: string, should: string): string[] {
  try {
    const { text } = diffContents(place, Buffer.from(was), Buffer.from(should))
    return text.split('\n').slice(0, -1)
  } catch {
    return [] // no text, or too long to be read
  }
}

export function bounded(drifts: readonly Drift[]): Drift[] {
  let room = REPORT
  return drifts.map(({ diff = [], ...drift }) => {
    room -= diff.join('').length
    return diff.length > 0 && room >= 0 ? { ...drift, diff } : drift
  })
}
