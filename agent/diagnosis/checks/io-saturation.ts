// A disk that is the bottleneck: it is busy without a pause, and processes stand still for it.
import type { Owner } from '#proto/contract/reality.ts'
import type { Host } from '../../reality/host.ts'
import type { Check, Facts } from '../check.ts'
import { percent } from '../figures.ts'
import { isOurs, type Look, ownerOfTask, sample, subjectOf, type Task } from '../sample.ts'
import { finding, next, seen } from '../say.ts'

const BUSY = 0.85
/** A disk that serves many at once is never busy without a pause: then it counts for how long somebody has waited. */
const HALF_BUSY = 0.5
const STALLED = 0.4
/** Of the looks, at which a process waits. One wait is no bottleneck. */
const STUCK = 0.5

type Waiter = { subject: string; task: Task; times: number }

/** Whose a process is; of one that has ended meanwhile, whose its parent is. */
function ownerOf({ pid, parent }: Task, host: Host): Owner {
  const own = ownerOfTask(host, pid)
  return own.name === '' ? ownerOfTask(host, parent) : own
}

/** Who waits for a disk most of the time, with whichever of its processes. */
function waitersOf(looks: readonly Look[], { host }: Facts): Waiter[] {
  const found = new Map<string, Waiter>()
  for (const { tasks } of looks) {
    const waiting = new Map(
      [...tasks.values()]
        .filter(({ state, kernel }) => state === 'D' && !kernel)
        .map((task) => ({ task, owner: ownerOf(task, host) }))
        .filter(({ owner }) => !isOurs(owner))
        .map(({ task, owner }) => [subjectOf(owner, task), task]),
    )
    for (const [subject, task] of waiting)
      found.set(subject, { subject, task, times: (found.get(subject)?.times ?? 0) + 1 })
  }
  return [...found.values()]
    .filter(({ times }) => looks.length > 1 && times / looks.length >= STUCK)
    .sort((a, b) => b.times - a.times)
}

export const ioSaturation: Check = {
  name: 'io-saturation',
  topics: ['disk', 'cpu', 'database'],
  async run(facts) {
    const looks = await sample(facts)
    const [first, last] = [looks[0], looks.at(-1)]
    if (!first || !last || first === last) return []
    const ms = last.at - first.at
    const disks = [...last.disks].map(([name, now]) => {
      const before = first.disks.get(name) ?? now
      return {
        name,
        busy: (now.busyMs - before.busyMs) / ms,
        done: now.reads + now.writes - before.reads - before.writes,
      }
    })
    const [disk] = disks.toSorted((a, b) => b.busy - a.busy)
    const waiters = waitersOf(looks, facts)
    const [most] = waiters
    const stalled = ((last.stalledMs ?? 0) - (first.stalledMs ?? 0)) / ms
    const saturated = disk !== undefined && (disk.busy >= BUSY || (disk.busy >= HALF_BUSY && stalled >= STALLED))
    if (!saturated || !most) return []
    const { subject } = most
    const [pressure = ''] = facts.host.text('/proc/pressure/io').split('\n')
    return [
      finding({
        cause: 'IO_SATURATION',
        subject,
        title: `Disk ${disk.name} is busy ${percent(Math.min(1, disk.busy))} of the time, and ${subject} waits for it`,
        severity: waiters.length > 1 || disk.busy > 0.95 ? 'high' : 'medium',
        confidence: 0.8,
        impact: waiters.slice(1, 10).map((each) => `${each.subject} waits for it, too`),
        evidence: [
          seen(
            '/proc/diskstats',
            facts.now,
            `${disk.name}: ${percent(Math.min(1, disk.busy))} busy, ${disk.done} operations in ${Math.round(ms)} ms`,
          ),
          seen(
            '/proc/<pid>/stat',
            facts.now,
            `${most.task.name} (${most.task.pid}) in state D at ${most.times} of ${looks.length} looks`,
          ),
          ...(pressure ? [seen('/proc/pressure/io', facts.now, pressure)] : []),
        ],
        next: [next.run('ps -eo pid,user,state,wchan:24,etimes,args --sort=state', 'Who waits, and for what')],
      }),
    ]
  },
}
