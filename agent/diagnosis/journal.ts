// Lines of `journalctl --reverse -o json`, the oldest first. Anybody on the host can have written what they say.
import type { LogLine } from './check.ts'

const TEXT_MAX = 2_000

export function parseJournal(text: string): LogLine[] {
  const lines = text.split('\n').flatMap((line) => {
    if (!line.startsWith('{')) return []
    try {
      return [readLine(JSON.parse(line) as Record<string, unknown>)]
    } catch {
      return [] // cut off
    }
  })
  return lines.reverse()
}

function readLine(entry: Record<string, unknown>): LogLine {
  const unit = field(entry.UNIT) || field(entry._SYSTEMD_UNIT)
  const userUnit = field(entry.USER_UNIT)
  return {
    at: Math.round(Number(field(entry.__REALTIME_TIMESTAMP)) / 1000) || 0,
    unit,
    ...(userUnit && { userUnit }),
    identifier: field(entry.SYSLOG_IDENTIFIER),
    priority: Number(field(entry.PRIORITY) || 6),
    pid: Number(field(entry._PID)) || 0,
    text: field(entry.MESSAGE).slice(0, TEXT_MAX),
  }
}

/** A message that is no text comes as its bytes; a field that was said twice, as a list. */
function field(value: unknown): string {
  if (typeof value === 'string') return value
  if (!Array.isArray(value)) return ''
  return typeof value[0] === 'number' ? Buffer.from(value as number[]).toString('utf8') : field(value[0])
}
