// The table of tracked connections: when it is full, the kernel drops what is new.
import type { Check } from '../check.ts'
import { percent } from '../figures.ts'
import { finding, next, quoted, seen } from '../say.ts'

const NEAR = 0.9
const SHORTLY_MS = 30 * 60_000

export const conntrackFull: Check = {
  name: 'conntrack-full',
  topics: ['network', 'kernel', 'web'],
  async run(facts) {
    const { host, now } = facts
    const figure = (name: string): number => Number(host.text(`/proc/sys/net/netfilter/nf_conntrack_${name}`)) || 0
    const [count, most] = [figure('count'), figure('max')]
    const dropped = (await facts.journal('kernel')).filter(
      ({ at, text }) => at > now - SHORTLY_MS && /nf_conntrack: (?:nf_conntrack: )?table full/.test(text),
    )
    const full = most > 0 ? count / most : 0
    if (full < NEAR && dropped.length === 0) return []
    return [
      finding({
        cause: 'CONNTRACK_FULL',
        subject: 'nf_conntrack',
        title: `The kernel tracks ${count} of at most ${most} connections (${percent(full)})${dropped.length > 0 ? ' and has dropped new ones' : ''}`,
        severity: full >= 0.98 || dropped.length > 0 ? 'high' : 'medium',
        confidence: 0.95,
        evidence: [seen('/proc/sys/net/netfilter', now, `${count} of ${most}`), ...dropped.slice(-2).map(quoted)],
        next: [next.run('conntrack -S', 'What is dropped'), next.run('ss -s', 'How many connections there are')],
      }),
    ]
  },
}
