// Who takes the processors. Measured as demand: what ran and what waited to run, so that a crowded machine hides nobody.
import type { Finding } from '#proto/contract/diagnosis.ts'
import type { Check, Facts } from '../check.ts'
import { percent } from '../figures.ts'
import { isOurs, type Look, ownerOfTask, sample, subjectOf, type Task } from '../sample.ts'
import { finding, next, seen } from '../say.ts'

/** Of one processor: what wants less all the time is no hog. */
const WHOLE = 0.8
/** Something that has just begun may be done in an instant: used for so long, or wanted since so long. */
const USED_MS = 3_000
const SINCE_MS = 4_000
/** Whoever says so itself wants to be in nobody's way. */
const POLITE = 10
const TICK_MS = 10
/** The host's own upkeep; it ends by itself. */
const UPKEEP =
  /^(?:apt-daily|apt-daily-upgrade|dnf-|man-db|fstrim|plocate-|updatedb|logrotate|unattended|packagekit|systemd-)/

type Hog = {
  subject: string
  tasks: Task[]
  demand: number
  share: number
  polite: boolean
  upkeep: boolean
  lasting: boolean
}

/** Processors that a task wants, and those that it gets. */
export function loadOf(first: Task, last: Task, ms: number): { demand: number; share: number } {
  const share = Math.max(last.cpuMs - first.cpuMs, last.ranMs - first.ranMs) / ms
  const waited = (last.waitedMs - first.waitedMs) / ms
  return { share, demand: Math.max(share, Math.min(1, share + waited)) }
}

export function hogsOf(looks: readonly Look[], facts: Facts): Hog[] {
  const [first, last] = [looks[0], looks.at(-1)]
  if (!first || !last || first === last) return []
  const wanting = [...last.tasks.values()].flatMap((task) => {
    const before = first.tasks.get(task.pid)
    if (!before || before.startTicks !== task.startTicks || task.kernel) return []
    const load = loadOf(before, task, last.at - first.at)
    return load.demand >= 0.2 ? [{ task, ...load }] : []
  })
  const uptimeMs = Number(facts.host.text('/proc/uptime').split(' ')[0]) * 1000
  const bySubject = Map.groupBy(
    wanting.flatMap((each) => {
      const owner = ownerOfTask(facts.host, each.task.pid)
      return isOurs(owner) ? [] : [{ ...each, owner }]
    }),
    ({ owner, task }) => subjectOf(owner, task),
  )
  const sum = (of: readonly number[]): number => of.reduce((total, each) => total + each, 0)
  return [...bySubject]
    .map(([subject, those]) => ({
      subject,
      tasks: those.map(({ task }) => task),
      demand: sum(those.map(({ demand }) => demand)),
      share: sum(those.map(({ share }) => share)),
      polite: those.every(({ task }) => task.nice >= POLITE),
      upkeep: UPKEEP.test(subject),
      lasting: those.some(({ task }) => lasts(task, uptimeMs)) || sum(those.map(({ task }) => task.cpuMs)) >= USED_MS,
    }))
    .filter(({ demand }) => demand >= WHOLE)
    .sort((a, b) => b.demand - a.demand)
}

/** All its life it has wanted most of a processor, whether it got it or not. */
function lasts({ startTicks, ranMs, waitedMs }: Task, uptimeMs: number): boolean {
  const age = uptimeMs - startTicks * TICK_MS
  return age >= SINCE_MS && (ranMs + waitedMs) / age >= 0.6
}

function severityOf({ demand, polite, upkeep, lasting }: Hog, processors: number): Finding['severity'] {
  if (polite || upkeep || !lasting) return 'low'
  const part = demand / processors
  // One of many processors is what a busy program may take.
  return part >= 0.75 ? 'high' : part >= 0.25 ? 'medium' : 'low'
}

export const cpuHog: Check = {
  name: 'cpu-hog',
  topics: ['cpu'],
  async run(facts) {
    const looks = await sample(facts)
    const processors = looks.at(-1)?.cpu.processors ?? 1
    const load = facts.host.text('/proc/loadavg').split(' ').slice(0, 3).join(' ')
    return hogsOf(looks, facts)
      .slice(0, 5)
      .map((hog) => {
        const [task] = hog.tasks.toSorted((a, b) => b.cpuMs - a.cpuMs)
        const units = facts.reality.units.some(({ id }) => id === hog.subject)
        return finding({
          cause: 'CPU_HOG',
          subject: hog.subject,
          title: `${hog.subject} wants ${hog.demand.toFixed(1)} of ${processors} processors all the time`,
          severity: severityOf(hog, processors),
          confidence: 0.85,
          evidence: [
            seen(
              '/proc/<pid>/stat, schedstat',
              facts.now,
              `${hog.tasks.length} process(es), ${task?.name} (${task?.pid}) among them; it got ${percent(hog.share / processors)} of the machine, ${Math.round((task?.cpuMs ?? 0) / 1000)} s since its start`,
            ),
            seen('/proc/loadavg', facts.now, `load ${load}`),
          ],
          next: [
            next.run('ps -eo pid,ppid,user,ni,pcpu,etimes,args --sort=-pcpu', 'What it is doing'),
            ...(units ? [next.journal(hog.subject, 'What it says')] : []),
          ],
        })
      })
  },
}
