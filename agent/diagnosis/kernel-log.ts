// What the kernel's log says, sorted by patterns: the first that fits a line takes it.
import type { Finding } from '#proto/contract/diagnosis.ts'
import type { LogLine } from './check.ts'
import { finding, next, quoted } from './say.ts'

export type Pattern = {
  is: RegExp
  severity: Finding['severity']
  title: string
  /** Group of `is` that names what it is about. */
  about?: number
}
const HOUR = 3_600_000

/** One finding for each thing that is complained of, the newest lines as evidence; what is old counts less. */
export function findingsOf(
  lines: readonly LogLine[],
  { cause, patterns, now, what }: { cause: Finding['cause']; patterns: readonly Pattern[]; now: number; what: string },
): Finding[] {
  const matched = lines.flatMap((line) => {
    for (const pattern of patterns) {
      const match = pattern.is.exec(line.text)
      if (match) return [{ line, pattern, subject: (pattern.about && match[pattern.about]) || what }]
    }
    return []
  })
  return [...Map.groupBy(matched, ({ subject, pattern }) => `${subject} ${pattern.title}`).values()].flatMap(
    (those) => {
      const last = those.at(-1)
      if (!last) return []
      const { pattern, subject, line } = last
      return [
        finding({
          cause,
          subject,
          title: `${pattern.title}: ${line.text.slice(0, 200)}`,
          severity: now - line.at > 6 * HOUR ? 'low' : pattern.severity,
          confidence: 0.9,
          evidence: those.slice(-4).map(({ line }) => quoted(line)),
          next: [next.run('journalctl -k -p warning --no-pager -n 100', 'What else the kernel says')],
        }),
      ]
    },
  )
}
