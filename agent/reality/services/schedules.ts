// What runs by the clock: cron's tables and systemd's timers.

import type { Health, Schedule, Unit } from '#proto/contract/reality.ts'
import { judge } from '../health.ts'
import { HIDDEN, type Host } from '../host.ts'
import { isSystemd } from '../kernel/about.ts'
import { type Process, parsePasswd } from '../kernel/processes.ts'
import { type Properties, parseTimestamp } from './systemd.ts'

export type Job = { line: number; when: string; user?: string; command: string }

const FIELD = String.raw`[\d*/,A-Za-z?#L~-]+`
const FIVE = new RegExp(String.raw`^(${FIELD}(?:\s+${FIELD}){4})\s+(.+)$`)
const NICKNAME = /^(@(?:reboot|yearly|annually|monthly|weekly|daily|midnight|hourly|every_\w+))\s+(.+)$/
const TABLE_MAX = 128 * 1024

/** man 5 crontab. Assignments may be secrets and are passed over; system tables name a user before the command. */
export function parseCrontab(text: string, { withUser }: { withUser: boolean }): Job[] {
  return text.split('\n').flatMap((raw, i) => {
    const line = raw.trim().replace(/^-/, '')
    const [, when, rest = ''] = NICKNAME.exec(line) ?? FIVE.exec(line) ?? []
    if (line.startsWith('#') || !when) return []
    if (!withUser) return [{ line: i + 1, when: when.replace(/\s+/g, ' '), command: rest }]
    const [, user, command] = /^(\S+)\s+(.+)$/.exec(rest) ?? []
    return user && command ? [{ line: i + 1, when: when.replace(/\s+/g, ' '), user, command }] : []
  })
}

const SYSTEM_TABLES = ['/etc/crontab', '/etc/cron.d/*']
/** Debian, RHEL, Alpine. The file's name is the user's. */
const USER_TABLES = ['/var/spool/cron/crontabs', '/var/spool/cron', '/etc/crontabs']
const PERIODS: Readonly<Record<string, string>> = {
  hourly: '@hourly',
  daily: '@daily',
  weekly: '@weekly',
  monthly: '@monthly',
}
const DAEMON = /^(?:cron|crond|fcron|cronie|busybox)$/

type Found = Omit<Job, 'line'> & { name: string; path: string }

function findJobs(host: Host): Found[] {
  const system = SYSTEM_TABLES.flatMap((pattern) => host.glob(pattern)).filter(
    (path) => !/\/(?:\.|[^/]*[.~])/.test(path.slice('/etc/cron'.length)),
  )
  const found = (path: string, withUser: boolean, user?: string): Found[] =>
    parseCrontab(host.text(path, TABLE_MAX), { withUser }).map(({ line, ...job }) => ({
      ...job,
      ...(user && { user }),
      name: `${path}:${line}`,
      path,
    }))
  const ofUsers = USER_TABLES.flatMap((directory) =>
    host.entries(directory).flatMap(({ path, name }) => found(path, false, name)),
  )
  const periodic = Object.entries(PERIODS).flatMap(([period, when]) =>
    [`/etc/cron.${period}`, `/etc/periodic/${period}`].flatMap((directory) =>
      host
        .entries(directory)
        .filter(({ name }) => /^[\w-]+$/.test(name))
        .map(({ path }) => ({ name: path, path, when, user: 'root', command: path })),
    ),
  )
  return [...system.flatMap((path) => found(path, true)), ...ofUsers, ...periodic]
}

/** The program of a command that is plain enough to tell: an absolute path, before any shell word. */
export const programOf = (command: string): string | undefined =>
  /^(?:\w+=\S*\s+)*(\/[\w./+-]+)(?:\s|$)/.exec(command)?.[1]

/** Debian's own jobs do nothing where systemd runs; each of them asks for it. */
const leftToSystemd = ({ path, command }: Found, host: Host): boolean =>
  isSystemd(host) && (path === command ? host.text(path, TABLE_MAX) : command).includes('/run/systemd/system')

function judgeJob(job: Found, host: Host, daemonRuns: boolean, users: ReadonlySet<string>): Health {
  const program = programOf(job.command)
  if (!daemonRuns)
    return leftToSystemd(job, host)
      ? judge('ok', 'leaves its work to a timer of systemd', job.path, host.now)
      : judge('stopped', 'no cron daemon runs', '/proc', host.now)
  if (job.user && !users.has(job.user)) return judge('failed', 'its user does not exist', job.path, host.now)
  if (program && host.hides(program)) return judge('unknown', HIDDEN, job.path, host.now)
  if (program && !host.exists(program)) return judge('failed', 'its program does not exist', job.path, host.now)
  return judge('ok', 'planned', job.path, host.now)
}

export function readCron(host: Host, processes: readonly Process[]): Schedule[] {
  const jobs = findJobs(host)
  if (jobs.length === 0) return []
  const daemonRuns = processes.some(
    ({ name, argv }) => DAEMON.test(name) && (name !== 'busybox' || argv[0]?.endsWith('crond')),
  )
  const users = new Set([...parsePasswd(host.text('/etc/passwd')).values()].map(({ name }) => name))
  return jobs.map((job) => ({
    kind: 'cron',
    name: job.name,
    when: job.when,
    command: job.command,
    ...(job.user && { user: job.user }),
    health: judgeJob(job, host, daemonRuns, users),
  }))
}

/** `{ OnCalendar=*-*-* 00:00:00 ; next_elapse=… }` → what was written in the unit. */
const ruleOf = (unit: Properties): string =>
  [unit.TimersCalendar, unit.TimersMonotonic]
    .flatMap((text) => [...(text ?? '').matchAll(/\{ (\w+=.*?) ; next_elapse=/g)])
    .map(([, rule = '']) => rule.replace(/^OnCalendar=/, ''))
    .join(', ')

/** A timer is as well as what it starts. */
export function describeTimers(all: readonly Properties[], units: readonly Unit[], now: number): Schedule[] {
  const byId = new Map(units.map((unit) => [unit.id, unit]))
  return all
    .filter(({ Id, ActiveState }) => Id.endsWith('.timer') && (ActiveState !== 'inactive' || byId.has(Id)))
    .map((timer) => {
      const started = (timer.Triggers ?? '').split(' ')[0] ?? ''
      const own = byId.get(timer.Id)
      const target = byId.get(started)
      const [last, next] = [timer.LastTriggerUSec, timer.NextElapseUSecRealtime].map(parseTimestamp)
      const sick = [own, target].find((unit) => unit && unit.health.state !== 'ok')
      return {
        kind: 'timer',
        name: timer.Id,
        when: ruleOf(timer),
        command: started,
        ...(last === undefined ? {} : { last }),
        ...(next === undefined ? {} : { next }),
        health:
          sick?.health ?? judge('ok', `${timer.ActiveState} (${timer.SubState})`, `systemctl show ${timer.Id}`, now),
      }
    })
}
