// A host that is short of memory. What the kernel keeps of files it gives back, so that only what is available counts.
import type { Check } from '../check.ts'
import { gib, percent } from '../figures.ts'
import { finding, next, seen } from '../say.ts'

const SHORT = 0.08
const VERY_SHORT = 0.04
/** Pages to and from swap in a second: it is being used, and not only full of what nobody needs. */
const SWAPPING = 500
const STALLED = 20

export function parseMeminfo(text: string): Record<string, number> {
  return Object.fromEntries(
    [...text.matchAll(/^(\w+(?:\(\w+\))?): +(\d+)(?: kB)?$/gm)].map(([, name = '', kib = '0']) => [
      name,
      Number(kib) * 1024,
    ]),
  )
}

const swapped = (vmstat: string): number =>
  ['pswpin', 'pswpout'].reduce(
    (sum, name) => sum + Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(vmstat)?.[1] ?? 0),
    0,
  )

/** man 7 proc_pressure: for how much of ten seconds something waited for memory. */
const stalled = (pressure: string): number => Number(/^some avg10=([\d.]+)/.exec(pressure)?.[1] ?? 0)

export const memoryPressure: Check = {
  name: 'memory-pressure',
  topics: ['memory', 'cpu'],
  async run(facts) {
    const { host, now, reality } = facts
    const { MemTotal = 0, MemAvailable, SwapTotal = 0, SwapFree = 0 } = parseMeminfo(host.text('/proc/meminfo'))
    if (MemTotal === 0 || MemAvailable === undefined) return []
    const left = MemAvailable / MemTotal
    const [before, after, ms] = await facts.twice(() => swapped(host.text('/proc/vmstat')))
    const rate = ((after - before) * 1000) / ms
    const pressure = stalled(host.text('/proc/pressure/memory'))
    const swapping = rate > SWAPPING
    if (left >= SHORT && !(swapping && left < 0.2) && pressure < STALLED) return []
    const most = reality.processes[0]
    const largest = reality.processes.slice(0, 4).map(({ owner, memory }) => `${owner.name || 'none'} ${gib(memory)}`)
    const severe = left < VERY_SHORT || (swapping && left < SHORT) || pressure > STALLED * 2
    return [
      finding({
        cause: 'MEMORY_PRESSURE',
        subject: most?.owner.name || 'memory',
        title: `${gib(MemAvailable)} of ${gib(MemTotal)} memory are available (${percent(left)}); most is with ${most?.owner.name || 'no unit'}`,
        severity: severe ? 'high' : 'medium',
        confidence: 0.9,
        evidence: [
          seen(
            '/proc/meminfo',
            now,
            `available ${gib(MemAvailable)}, swap ${gib(SwapTotal - SwapFree)} of ${gib(SwapTotal)} used`,
          ),
          seen('/proc', now, `largest: ${largest.join(', ')}`),
          ...(swapping ? [seen('/proc/vmstat', now, `${Math.round(rate)} pages a second to and from swap`)] : []),
          ...(pressure > 0 ? [seen('/proc/pressure/memory', now, `waited ${pressure} % of the last 10 s`)] : []),
        ],
        next: [next.run('ps -eo pid,user,rss,etimes,args --sort=-rss', 'Who has the memory')],
      }),
    ]
  },
}
