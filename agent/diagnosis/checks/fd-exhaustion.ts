// File descriptors that run out: those of the whole host, or those that one process may have.
import type { Check, Facts, LogLine } from '../check.ts'
import { percent } from '../figures.ts'
import { isOurs, ownerOfTask, subjectOf } from '../sample.ts'
import { finding, next, quoted, seen } from '../say.ts'

const NEAR = 0.9
const SHORTLY_MS = 15 * 60_000
const COMPLAINT =
  /too many open files|\bemfile\b|\benfile\b|number of file watchers reached|(?:limit|maximum|number)\b.{0,24}\binotify|inotify (?:instances?|watch(?:es)?).{0,40}\b(?:limit|reached|exhausted|no space)|inotify limit/i
const PROCESSES_MAX = 4_000

export const parseLimit = (limits: string): number => Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Number.NaN)

/** Of another account, Linux 6.2 and later tell how many by the size of the directory; root can count them. */
function openBy({ host }: Facts, pid: number): number {
  const size = host.stat(`/proc/${pid}/fd`)?.size ?? 0
  return size > 0 ? size : host.list(`/proc/${pid}/fd`).length
}

function processes(facts: Facts) {
  const { host, now } = facts
  const pids = host.list('/proc').filter((name) => /^\d+$/.test(name))
  return pids.slice(0, PROCESSES_MAX).flatMap((name) => {
    const pid = Number(name)
    const open = openBy(facts, pid)
    // No limit of any host is as low as that, and few processes have more.
    if (open < 48) return []
    const limit = parseLimit(host.kernel(`/proc/${pid}/limits`))
    if (!(open / limit >= NEAR)) return []
    const owner = ownerOfTask(host, pid)
    const command = host.kernel(`/proc/${pid}/comm`).trim() || name
    const subject = subjectOf(owner, { name: command, pid })
    if (isOurs(owner)) return []
    return [
      finding({
        cause: 'FD_EXHAUSTION',
        subject,
        title: `${command} (${pid}) has ${open} of the ${limit} files open that it may have`,
        severity: open / limit >= 0.98 ? 'high' : 'medium',
        confidence: 0.95,
        evidence: [seen(`/proc/${pid}/limits`, now, `Max open files ${limit}; ${open} are open`)],
        next: [
          next.run(`ls -l /proc/${pid}/fd`, 'Which: a leak, or a limit that is too low'),
          ...(owner.kind === 'unit' ? [next.journal(subject)] : []),
        ],
      }),
    ]
  })
}

function wholeHost({ host, now }: Facts) {
  const [used = 0, , most = 0] = host.text('/proc/sys/fs/file-nr').trim().split(/\s+/).map(Number)
  if (!(most > 0 && used / most >= NEAR)) return []
  return [
    finding({
      cause: 'FD_EXHAUSTION',
      subject: 'fs.file-max',
      title: `${used} of the ${most} files that the host can have open are open (${percent(used / most)})`,
      severity: 'critical',
      confidence: 0.97,
      evidence: [seen('/proc/sys/fs/file-nr', now, `${used} of ${most}`)],
      next: [next.run('lsof -nP', 'Who has them open')],
    }),
  ]
}

const said = (unit: string, lines: readonly LogLine[]) =>
  finding({
    cause: 'FD_EXHAUSTION',
    subject: unit,
    title: `${unit} cannot open any more files: it has reached its limit`,
    confidence: 0.85,
    evidence: lines.slice(-3).map(quoted),
    explains: [unit],
    next: [next.journal(unit), next.run(`systemctl show ${unit} -p LimitNOFILE`, 'Its limit')],
  })

export const fdExhaustion: Check = {
  name: 'fd-exhaustion',
  topics: ['network', 'service', 'web', 'database'],
  async run(facts) {
    const found = [...wholeHost(facts), ...processes(facts)]
    const known = new Set(found.map(({ subject }) => subject))
    const complaints = (await facts.journal('recent')).filter(
      ({ at, text, unit, identifier }) =>
        at > facts.now - SHORTLY_MS && unit !== '' && identifier !== 'systemd' && COMPLAINT.test(text),
    )
    const byUnit = Map.groupBy(complaints, ({ unit }) => unit)
    const full = found.map((each) => ({
      ...each,
      evidence: [...each.evidence, ...(byUnit.get(each.subject) ?? []).slice(-2).map(quoted)],
    }))
    return [...full, ...[...byUnit].filter(([unit]) => !known.has(unit)).map(([unit, lines]) => said(unit, lines))]
  },
}
