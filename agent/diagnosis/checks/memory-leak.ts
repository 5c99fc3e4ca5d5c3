// A service whose memory grows and does not come back: steadily since it began, as far as one look can tell; or one that says
// itself that its heap is full.

import { limitsOf } from '../cgroups.ts'
import type { Check, Facts } from '../check.ts'
import { gib } from '../figures.ts'
import { isOurs, type Look, ownerOfTask, sample, subjectOf } from '../sample.ts'
import { finding, next, quoted, seen } from '../say.ts'
import { parseMeminfo } from './memory-pressure.ts'

const KIB = 1024
const MIB = 1024 * KIB
/** A second: below it, the counters of the kernel are too coarse. */
const SLOWEST = 128 * KIB
const YOUNG_MS = 3_000
const GROWN_UP_MS = 10 * 60_000
const LARGE = 24 * MIB
const SOON_S = 3_600
const HEAP =
  /javascript heap out of memory|java\.lang\.outofmemoryerror|allowed memory size of \d+ bytes exhausted|\bMemoryError\b|cannot allocate memory|fatal error: runtime: out of memory/i
const SHORTLY_MS = 15 * 60_000
const HZ = 100
const SERVICES: ReadonlySet<string> = new Set(['unit', 'user-unit', 'container'])

type Growth = { pid: number; name: string; memory: number; perSecond: number; ageMs: number }

/** Grew between the looks, never shrank, and at about the pace of its whole life: a program that has only just started slows down. */
export function growthsIn(looks: readonly Look[], uptimeMs: number): Growth[] {
  const [first, last] = [looks[0], looks.at(-1)]
  if (!first || !last || looks.length < 4) return []
  return [...last.tasks.values()].flatMap(({ pid, name, rss, startTicks, kernel }) => {
    const sizes = looks.map(({ tasks }) => tasks.get(pid)?.rss ?? 0)
    const ageMs = uptimeMs - (startTicks * 1000) / HZ
    const perSecond = ((rss - (sizes[0] ?? 0)) * 1000) / (last.at - first.at)
    const steady = sizes.every((size, i) => size > 0 && size >= (sizes[i - 1] ?? 0))
    const steps = sizes.filter((size, i) => i > 0 && size > (sizes[i - 1] ?? 0)).length
    const average = rss / Math.max(1, ageMs / 1000)
    if (kernel || !steady || steps < 2 || perSecond < SLOWEST || rss < LARGE) return []
    if (ageMs < YOUNG_MS || perSecond < average * 0.3) return []
    return [{ pid, name, memory: rss, perSecond, ageMs }]
  })
}

/** Until it has all memory that it can get. */
function secondsLeft({ host, reality }: Facts, { memory, perSecond }: Growth, unit: string): number {
  const group = reality.processes.find(({ owner }) => owner.name === unit)
  const limit = group && limitsOf(host, group.cgroup).memory?.limit
  const { MemAvailable = 0 } = parseMeminfo(host.text('/proc/meminfo'))
  return (limit ? Math.min(limit - memory, MemAvailable) : MemAvailable) / perSecond
}

/** Who was started a moment ago still fetches what it works with: unless it soon has everything. */
function severityOf(kind: string, left: number, ageMs: number): 'high' | 'medium' | 'low' {
  if (!SERVICES.has(kind) || left > SOON_S * 12) return 'low'
  if (left < SOON_S) return 'high'
  return ageMs > GROWN_UP_MS ? 'medium' : 'low'
}

export const memoryLeak: Check = {
  name: 'memory-leak',
  topics: ['memory', 'service'],
  async run(facts) {
    const [looks, recent] = await Promise.all([sample(facts), facts.journal('recent')])
    const uptimeMs =
      Number(facts.host.text('/proc/uptime').split(' ')[0]) * 1000 || facts.now - facts.reality.host.bootedAt
    const growing = growthsIn(looks, uptimeMs).flatMap((growth) => {
      const owner = ownerOfTask(facts.host, growth.pid)
      if (isOurs(owner)) return []
      const subject = subjectOf(owner, growth)
      const left = secondsLeft(facts, growth, subject)
      return [
        finding({
          cause: 'MEMORY_LEAK',
          subject,
          title: `The memory of ${subject} grows by ${gib(growth.perSecond)} a second and does not come back; it has ${gib(growth.memory)}`,
          // What a person has started ends by itself, and may need much until then.
          severity: severityOf(owner.kind, left, growth.ageMs),
          confidence: growth.ageMs > 60_000 ? 0.8 : 0.65,
          evidence: [
            seen(
              `/proc/${growth.pid}/stat`,
              facts.now,
              `${growth.name}: ${gib(growth.memory)} after ${Math.round(growth.ageMs / 1000)} s, growing at each look, by ${gib(growth.perSecond)}/s`,
            ),
            seen('/proc/meminfo', facts.now, `at this pace it has all memory that it can get in ${Math.round(left)} s`),
          ],
          next: [next.journal(subject, 'What it is doing'), next.reality('services', 'Its memory')],
        }),
      ]
    })
    const known = new Set(growing.map(({ subject }) => subject))
    const full = recent.filter(
      ({ at, unit, text }) => at > facts.now - SHORTLY_MS && unit !== '' && !known.has(unit) && HEAP.test(text),
    )
    return [
      ...growing,
      ...[...Map.groupBy(full, ({ unit }) => unit)].map(([unit, lines]) =>
        finding({
          cause: 'MEMORY_LEAK',
          subject: unit,
          title: `${unit} says that it has no memory left of its own`,
          severity: 'high',
          confidence: 0.7,
          evidence: lines.slice(-3).map(quoted),
          next: [next.journal(unit)],
        }),
      ),
    ]
  },
}
