// Faults that the kernel reports of itself, and what has tainted it. A module from elsewhere taints it, too, and is no fault.
import type { Check } from '../check.ts'
import { findingsOf, type Pattern } from '../kernel-log.ts'
import { finding, next, seen } from '../say.ts'

const PATTERNS: readonly Pattern[] = [
  {
    is: /kernel panic|kernel bug at|\boops\b[: ]|general protection fault.*(?:\[#\d|smp)|unable to handle (?:kernel|page fault)/i,
    severity: 'critical',
    title: 'The kernel has failed',
  },
  {
    is: /\bBUG: (?:soft lockup|workqueue lockup)|hard lockup|rcu.*(?:detected (?:expedited )?stalls?|self-detected stall)|watchdog: BUG/i,
    severity: 'high',
    title: 'A processor hangs in the kernel',
  },
  { is: /\bBUG: /, severity: 'high', title: 'The kernel reports a fault of its own' },
  {
    is: /task ([\w/:.-]+?)(?::\d+)? blocked for more than \d+ seconds/,
    severity: 'high',
    title: 'A process hangs in the kernel',
    about: 1,
  },
  {
    is: /page allocation failure|list_(?:add|del) corruption|slab corruption|bad page state/i,
    severity: 'high',
    title: 'The memory of the kernel is damaged or used up',
  },
  { is: /^(?:\[[\d. ]+\] )?WARNING: CPU: \d+/, severity: 'low', title: 'The kernel warns of something' },
]

/** Documentation/admin-guide/tainted-kernels.rst: the bits that tell of a fault. */
const TAINTS: readonly { bit: number; says: string; severity: 'high' | 'medium' | 'low' }[] = [
  { bit: 7, says: 'it has died once (oops or BUG)', severity: 'high' },
  { bit: 5, says: 'it has found a damaged page of memory', severity: 'high' },
  { bit: 14, says: 'a processor has hung in it', severity: 'medium' },
  { bit: 9, says: 'it has given a warning', severity: 'low' },
]

export const taintsOf = (value: number) => TAINTS.filter(({ bit }) => Math.floor(value / 2 ** bit) % 2 === 1)

export const kernelFault: Check = {
  name: 'kernel-fault',
  topics: ['kernel'],
  async run(facts) {
    const { host, now } = facts
    const said = findingsOf(await facts.journal('kernel'), {
      cause: 'KERNEL_FAULT',
      patterns: PATTERNS,
      now,
      what: 'kernel',
    })
    const value = Number(host.text('/proc/sys/kernel/tainted')) || 0
    const [worst] = taintsOf(value)
    if (!worst || said.some(({ severity }) => severity !== 'low')) return said
    return [
      ...said,
      finding({
        cause: 'KERNEL_FAULT',
        subject: 'kernel',
        title: `The kernel is tainted: ${taintsOf(value)
          .map(({ says }) => says)
          .join('; ')}`,
        severity: worst.severity,
        confidence: 0.85,
        evidence: [seen('/proc/sys/kernel/tainted', now, String(value))],
        next: [next.run('journalctl -k --no-pager -n 200', 'When and why')],
      }),
    ]
  },
}
