// Cron jobs and timers that do not do their work: what is wrong with cron's tables, what cron and its jobs complained of, timers
// that are stopped or have lost their service, and jobs that failed the last time.
import type { Finding } from '#proto/contract/diagnosis.ts'
import type { Unit } from '#proto/contract/reality.ts'
import type { Check, Facts, LogLine } from '../check.ts'
import { cronFlaws } from '../crontab.ts'
import { needsOf } from '../needs.ts'
import { finding, lastOf, next, quoted, seen } from '../say.ts'
import { isNamed, isOwn, lastWords, settingsOf, unitText, type Watched, watchUnits } from '../units.ts'

const CRON = /^(?:cron|crond|CRON|CROND|anacron|cronie)$/
const COMPLAINT =
  /WRONG FILE OWNER|INSECURE MODE|NOT A REGULAR FILE|BAD FILE MODE|LINK COUNT|MISSING NEWLINE|Missing newline|bad (?:minute|hour|day|month|command|username|time specifier)|Syntax error|ERROR \(|ORPHAN|failed with exit status|grandchild .* (?:failed|killed)|CAN'T OPEN|permission denied|Authentication (?:token|failure)|account \S+ has expired|password .*expired|Permission denied|command not found/i
const WORDS = /\b(?:cron|crontab|timer|schedul\w*|backup|nightly|job|daily|hourly|weekly|periodic\w*)\b/i
const DAEMON = /^(?:cron|crond|cronie)\.service$/

function ofCron(facts: Facts, lines: readonly LogLine[]): Finding[] {
  const flaws = cronFlaws(facts.host).map(({ path, line, flaw, sure, severe }) => {
    const said = lines.findLast(
      ({ text }) => text.includes(path) || text.includes(`*system*${path.split('/').at(-1)})`),
    )
    return finding({
      cause: 'SCHEDULE_BROKEN',
      subject: path,
      title: `${path}${line === undefined ? '' : `, line ${line}`}: ${flaw}`,
      severity: severe ? 'high' : 'medium',
      confidence: said ? 0.97 : sure,
      impact: ['what it should do is not done'],
      evidence: [seen(line === undefined ? path : `${path}:${line}`, facts.now, flaw), ...(said ? [quoted(said)] : [])],
      next: [next.read(path, 'The table'), next.journal('cron.service', 'What cron thinks of it')],
    })
  })
  const told = lines.filter(
    ({ text }) =>
      !flaws.some(({ subject }) => text.includes(subject) || text.includes(subject.split('/').at(-1) ?? subject)),
  )
  const last = told.at(-1)
  if (!last) return flaws
  const path = /\((\/[^)]+)\)|(\/etc\/cron[^\s):]*)/.exec(last.text)?.slice(1).find(Boolean)
  // Mended since.
  if (path !== undefined && (facts.host.stat(path)?.mtimeMs ?? 0) > last.at) return flaws
  return [
    ...flaws,
    finding({
      cause: 'SCHEDULE_BROKEN',
      subject: path ?? 'cron.service',
      title: `cron complains${path ? ` of ${path}` : ''}: ${last.text}`,
      severity: 'medium',
      confidence: 0.8,
      evidence: told.slice(-3).map(quoted),
      next: [next.journal('cron.service')],
    }),
  ]
}

/** Jobs and no daemon. */
function withoutDaemon(facts: Facts): Finding[] {
  const { units, schedules } = facts.reality
  const daemon = units.find(({ id }) => DAEMON.test(id))
  const jobs = schedules.filter(({ kind, health }) => kind === 'cron' && health.state === 'stopped')
  if (jobs.length === 0 || daemon?.active === 'active') return []
  const installed = daemon !== undefined || ['cron', 'crond'].some((name) => facts.host.exists(`/usr/sbin/${name}`))
  return [
    finding({
      cause: 'SCHEDULE_BROKEN',
      subject: daemon?.id ?? 'cron.service',
      title: `no cron daemon runs, and ${jobs.length} job${jobs.length > 1 ? 's wait' : ' waits'} for it`,
      severity: installed ? 'high' : 'low',
      confidence: installed ? 0.95 : 0.5,
      impact: jobs.map(({ name, command }) => `${name}: ${command}`),
      evidence: [
        seen('/proc', facts.now, 'no process of cron'),
        ...(daemon ? [seen(daemon.health.evidence.source, facts.now, daemon.health.why)] : []),
      ],
      next: [next.journal(daemon?.id ?? 'cron.service'), next.reality('timers', 'What should be done when')],
      explains: [daemon?.id ?? 'cron.service'],
    }),
  ]
}

const timerOf = (facts: Facts, service: string): Unit | undefined =>
  facts.reality.units.find(({ kind, triggers }) => kind === 'timer' && triggers.includes(service))

/** A date without a wildcard (man 7 systemd.time): a day that comes once. */
const ONE_DAY = /^(?:[A-Za-z]{3,9},? +)?(\d{4}-\d{2}-\d{2})(?:[ T]|$)/
const DAY = 24 * 60 * 60_000

/**
 * It was for one day, and went off then, as far as can be known: systemd forgets that when the host boots. Not so a timer that
 * was written after its day. Zones of time are within a day.
 */
function wasForOneDay({ reality, host }: Facts, { id, file = '' }: Unit, calendars: readonly string[]): boolean {
  const days = calendars.map((each) => Date.parse(ONE_DAY.exec(each)?.[1] ?? ''))
  const due = Math.max(...days)
  if (Number.isNaN(due)) return false
  const last = reality.schedules.find(({ name }) => name === id)?.last
  if (last !== undefined) return last > due - DAY
  const written = host.stat(file)?.mtimeMs ?? Number.POSITIVE_INFINITY
  return written < due + 2 * DAY && reality.host.bootedAt > due - DAY
}

function ofTimer(watched: Watched, facts: Facts): Finding[] {
  const { id, unit, state, lines } = watched
  const say = (
    title: string,
    severity: Finding['severity'],
    confidence: number,
    explains: string[] = [id],
  ): Finding[] => [
    finding({
      cause: 'SCHEDULE_BROKEN',
      subject: id,
      title,
      severity,
      confidence,
      impact: [`${unit.triggers[0] ?? id} is not started`],
      evidence: [
        seen(
          unit.health.evidence.source,
          facts.now,
          `${unit.startup}, ${unit.active} (${unit.sub}), result ${unit.result}`,
        ),
        ...lastWords(lines, 1).map(quoted),
      ],
      next: [next.journal(id), ...(unit.file ? [next.read(unit.file, 'When it goes off')] : [])],
      explains,
    }),
  ]
  if (state === 'failed')
    return say(`the timer ${id} has failed: ${unit.result === 'success' ? unit.health.why : unit.result}`, 'high', 0.95)
  const target = unit.triggers[0] ?? id.replace(/\.timer$/, '.service')
  const { load } = needsOf(facts, target)
  if (unit.active === 'active' && load !== 'loaded' && load !== 'masked')
    return say(`the timer ${id} starts ${target}, which does not exist`, 'high', 0.95)
  if (unit.active === 'active' && load === 'masked')
    return say(`the timer ${id} starts ${target}, which is masked`, 'high', 0.95, [id, target])
  if (state === 'stopped')
    return say(`the timer ${id} is enabled and does not run: nothing starts ${target}`, 'high', 0.92)
  const calendars = unit.sub === 'elapsed' && isOwn(unit) ? settingsOf(unitText(facts, unit), 'OnCalendar') : []
  if (calendars.length > 0 && !wasForOneDay(facts, unit, calendars))
    return say(`the timer ${id} has no next time: nothing starts ${target} again`, 'high', 0.85)
  const own = isOwn(unit) && unit.active === 'inactive' && unit.startup !== 'static'
  if (!own) return []
  const named = isNamed(facts, id)
  const about = WORDS.test(facts.question.problem)
  return say(
    `the timer ${id} is ${unit.startup || 'there'} and does not run: nothing starts ${target}`,
    named ? 'high' : about ? 'medium' : 'low',
    named ? 0.9 : about ? 0.75 : 0.5,
  )
}

/** A service that a timer starts, and that failed the last time. */
function failedJob({ id, unit, state, lines }: Watched, facts: Facts): Finding[] {
  const timer = state === 'failed' || state === 'looping' ? timerOf(facts, id) : undefined
  if (!timer) return []
  return [
    finding({
      cause: 'SCHEDULE_BROKEN',
      subject: id,
      title: `${id}, which ${timer.id} starts, failed the last time: ${unit.health.why}`,
      confidence: 0.95,
      evidence: [seen(unit.health.evidence.source, facts.now, unit.health.why), ...lastWords(lines, 3).map(quoted)],
      next: [next.journal(id), next.reality('timers', 'When it is started again')],
      explains: [id, timer.id],
    }),
  ]
}

export const scheduleBroken: Check = {
  name: 'cron jobs and timers',
  topics: ['schedule'],
  async run(facts) {
    const [watched, recent] = await Promise.all([watchUnits(facts), facts.journal('recent')])
    const lines = recent.filter(({ identifier, text }) => CRON.test(identifier) && COMPLAINT.test(text))
    const timers = new Map(watched.filter(({ unit }) => unit.kind === 'timer').map((each) => [each.id, each]))
    for (const unit of facts.reality.units)
      if (unit.kind === 'timer' && !timers.has(unit.id) && unit.load !== 'masked')
        timers.set(unit.id, { id: unit.id, unit, state: unit.active === 'active' ? 'running' : 'idle', lines: [] })
    const found = [
      ...ofCron(facts, lines),
      ...withoutDaemon(facts),
      ...[...timers.values()].filter(({ state }) => state !== 'masked').flatMap((each) => ofTimer(each, facts)),
      ...watched.flatMap((each) => failedJob(each, facts)),
    ]
    return lastOf(found, ({ subject, title }) => `${subject} ${title}`)
  },
}
