// What PM2 or supervisord keeps, and what accounts have as units of their own: systemd's own list shows none of them.
import type { Finding } from '#proto/contract/diagnosis.ts'
import type { Check, Facts, LogLine } from '../check.ts'
import { finding, lastOf, next, quoted, seen } from '../say.ts'

const CRASHES = 3
const BY_USER = /^user@(\d+)\.service$/
const FAILED =
  /^(\S+\.(?:service|socket|timer|path|mount)): (?:Failed with result '([^']+)'|Start request repeated too quickly)/
/** Older systemd says a description there, and no name. */
const STARTED = /^(?:Started|Finished|Stopped) (\S+\.(?:service|socket|timer|path|mount)\b)?/

const ofSupervisors = ({ reality, now }: Facts): Finding[] =>
  reality.supervised
    .filter(({ health }) => health.state === 'failed')
    .map(({ supervisor, name, command, restarts = 0, health }) =>
      finding({
        cause: restarts >= CRASHES ? 'UNIT_CRASH_LOOP' : 'UNIT_FAILED',
        subject: name,
        title: `${name}, which ${supervisor} keeps, ${restarts >= CRASHES ? `ends and is started over and over (${restarts} restarts)` : 'does not run'}: ${health.why}`,
        confidence: 0.9,
        evidence: [seen(health.evidence.source, now, `${command}: ${health.why}`)],
        next: [next.reality('supervised', 'All that it keeps')],
      }),
    )

/** The journal says it; an account's own manager is asked by that account alone. */
function ofAccounts(lines: readonly LogLine[]): Finding[] {
  const last = new Map<string, LogLine>()
  for (const line of lines) {
    if (!BY_USER.test(line.unit) || line.identifier !== 'systemd') continue
    const [, failed] = FAILED.exec(line.text) ?? []
    const start = STARTED.exec(line.text)
    const started = start && (line.userUnit ?? start[1])
    if (failed) last.set(failed, line)
    if (started) last.delete(started)
  }
  return [...last].map(([name, line]) => {
    const uid = BY_USER.exec(line.unit)?.[1]
    const again = /too quickly|start-limit/.test(line.text)
    return finding({
      cause: again ? 'UNIT_CRASH_LOOP' : 'UNIT_FAILED',
      subject: name,
      title: `${name}, a unit of user ${uid}, ${again ? 'ended so often that it is started no more' : 'has failed'}: ${line.text}`,
      confidence: 0.85,
      evidence: [
        quoted(line),
        ...lines
          .filter(({ text, unit }) => unit === line.unit && text.startsWith(`${name}: `))
          .slice(-3)
          .map(quoted),
      ],
      next: [next.journal(line.unit, 'What the units of this account have said')],
    })
  })
}

export const supervised: Check = {
  name: 'what supervisors and accounts keep',
  topics: ['service'],
  run: async (facts) =>
    lastOf([...ofSupervisors(facts), ...ofAccounts(await facts.journal('recent'))], ({ subject }) => subject),
}
