// How a check says what it found: a finding cut to its limits, where a thing was seen, and the calls that could come next.
import type { Cause, Finding } from '#proto/contract/diagnosis.ts'
import type { LogLine } from './check.ts'

type Evidence = Finding['evidence'][number]
type Next = Finding['next'][number]
type Said = Pick<Finding, 'subject' | 'title' | 'evidence'> & Partial<Finding> & { cause: Cause }

/** More than the cleaner looks at: it takes secrets out, and cuts then. Half a token has no shape that it knows. */
const TEXT_MAX = 4_096
const cut = (text: string): string => text.slice(0, TEXT_MAX)
const few = <T>(list: readonly T[], most: number): T[] => [...new Set(list)].slice(0, most)

/** High, and as good as certain, unless something else is said. */
export function finding(said: Said): Finding {
  return {
    severity: 'high',
    confidence: 0.9,
    ...said,
    subject: cut(said.subject),
    title: cut(said.title),
    impact: few(said.impact ?? [], 20).map(cut),
    evidence: said.evidence.slice(0, 10),
    next: (said.next ?? []).slice(0, 5),
    explains: few(said.explains ?? [], 20).map(cut),
  }
}

export const seen = (source: string, at: number, text: string): Evidence => ({
  source: cut(source),
  at: Math.round(at),
  seen: cut(text.trim() === '' ? '(empty)' : text.trim()),
})

/** A line of the journal, or of a log file that units.ts has read. */
export const quoted = (line: LogLine): Evidence =>
  seen(
    line.identifier.startsWith('/') ? line.identifier : `journal ${line.unit || line.identifier}`,
    line.at,
    line.text,
  )

const call = (tool: string, args: Record<string, unknown>, why: string): Next => ({ tool, arguments: args, why })

export const next = {
  journal: (unit: string, why = 'What it logged last'): Next =>
    call('mttrly_read_file', { path: `journal:${unit}`, lines: 100 }, why),
  read: (path: string, why: string): Next => call('mttrly_read_file', { path }, why),
  /** Asks for an approval where it changes something. */
  run: (command: string, why: string): Next => call('mttrly_execute_command', { command }, why),
  reality: (section: string, why: string): Next => call('mttrly_get_service_reality', { section }, why),
}

/** One of each, the last that was said. */
export const lastOf = <T>(list: readonly T[], key: (each: T) => string): T[] => [
  ...new Map(list.map((each) => [key(each), each])).values(),
]
