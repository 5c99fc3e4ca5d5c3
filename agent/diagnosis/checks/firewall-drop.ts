// A firewall in the way. Its rules can be read by root alone, so it is tried: something listens, and a connection from this host
// itself does not arrive. Else rules that lie in files, and what the kernel logs of them.
import type { Check, Facts } from '../check.ts'
import { NotPossible } from '../not-possible.ts'
import { finding, next, quoted, seen } from '../say.ts'

const PORTS_MAX = 24
const SHORTLY_MS = 15 * 60_000
const LOGGED = /(?:\bIN=\S* OUT=\S* .*|\bDROP\b.*|\bREJECT\b.*|\[UFW BLOCK\].*)\bDPT=(\d+)/
const FILES = [
  '/etc/nftables.conf',
  '/etc/nftables.d/*',
  '/etc/iptables/rules.v4',
  '/etc/iptables/rules.v6',
  '/etc/sysconfig/iptables',
  '/etc/sysconfig/nftables.conf',
  '/etc/ufw/user.rules',
]
const VERDICT = /\b(?:drop|reject|DROP|REJECT)\b/

/** Ports that a rule names and turns away: of nft, of `nft list`, and of iptables-save. */
export function deniedPorts(rules: string): { port: number; rule: string }[] {
  return rules.split('\n').flatMap((line) => {
    const rule = line.trim()
    if (rule.startsWith('#') || !VERDICT.test(rule) || /--?sport|\bsport\b/.test(rule)) return []
    const named = /(?:dport|--dports?|dest-port)\s+\{?\s*([\d,\s-]+?)\s*(?:\}|\s[a-zA-Z-]|$)/.exec(rule)?.[1] ?? ''
    return [...named.matchAll(/\d+/g)].map(([port]) => ({ port: Number(port), rule }))
  })
}

const nameOf = ({ owner, process, port }: { owner?: { name: string }; process?: string; port?: number }): string =>
  owner?.name || process || `port ${port}`

/** Listeners that others should reach, once a port. */
function open({ reality }: Facts) {
  const inet = reality.listeners.filter(
    ({ protocol, port, address }) => protocol === 'tcp' && port !== undefined && !/^(?:127\.|::1$)/.test(address),
  )
  return [...new Map(inet.map((each) => [each.port, each])).values()].slice(0, PORTS_MAX)
}

async function tried(facts: Facts, listeners: ReturnType<typeof open>) {
  const results = await Promise.all(
    listeners.map(async (listener) => ({
      listener,
      ...(await facts.probe({ port: listener.port ?? 0, address: listener.address })),
    })),
  )
  return results.filter(
    ({ ok, why }) => !ok && /^(?:no answer|E(?:CONNREFUSED|HOSTUNREACH|NETUNREACH|PERM|ACCES))$/.test(why),
  )
}

export const firewallDrop: Check = {
  name: 'firewall-drop',
  topics: ['network', 'web', 'service'],
  async run(facts) {
    const { host, now } = facts
    const listeners = open(facts)
    const [failed, ruleset, tables, kernel, queues] = await Promise.all([
      tried(facts, listeners),
      facts.run('nft_rules'),
      facts.run('iptables_rules'),
      facts.journal('kernel'),
      facts.run('listen_queues'),
    ])
    const stored = FILES.flatMap((pattern) =>
      host.glob(pattern).flatMap((path) => deniedPorts(host.text(path)).map((each) => ({ ...each, from: path }))),
    )
    const active = [...deniedPorts(ruleset ?? ''), ...deniedPorts(tables ?? '')].map((each) => ({
      ...each,
      from: 'rules in force',
    }))
    const denied = active.length > 0 ? active : stored
    const logged = kernel.filter(({ at, text }) => at > now - SHORTLY_MS && LOGGED.test(text))
    // A listener whose queue is full does not answer either.
    const isFull = (port: number): boolean =>
      new RegExp(`LISTEN\\s+([1-9]\\d*)\\s+\\d+\\s+\\S*:${port}\\s`).test(queues ?? '')

    const found = listeners.flatMap((listener) => {
      const port = listener.port ?? 0
      const failure = failed.find((each) => each.listener === listener)
      const rules = denied.filter((rule) => rule.port === port)
      const lines = logged.filter(({ text }) => LOGGED.exec(text)?.[1] === String(port))
      if ((!failure || isFull(port)) && rules.length + lines.length === 0) return []
      const sure = failure !== undefined || active.length > 0 || lines.length > 0
      return [
        finding({
          cause: 'FIREWALL_DROP',
          subject: nameOf(listener),
          title: `${nameOf(listener)} listens on port ${port}, and ${failure ? `a connection to it from this host gets ${failure.why === 'no answer' ? 'no answer' : `turned away (${failure.why})`}` : 'a rule of the firewall turns it away'}`,
          severity: sure ? 'high' : 'low',
          confidence: failure && rules.length > 0 ? 0.97 : failure ? 0.85 : sure ? 0.8 : 0.5,
          evidence: [
            ...(failure ? [seen(`connect to port ${port}`, now, failure.why)] : []),
            ...rules.slice(0, 3).map(({ rule, from }) => seen(from, now, rule)),
            ...lines.slice(-2).map(quoted),
            seen(
              '/proc/net/tcp',
              now,
              `${listener.process ?? 'something'} listens on ${listener.address} port ${port}`,
            ),
          ],
          next: [
            next.run('nft list ruleset', 'The rules in force'),
            next.run('iptables-save -c', 'The same, of iptables'),
          ],
        }),
      ]
    })
    if (found.length === 0 && listeners.length === 0 && ruleset === undefined && tables === undefined)
      throw new NotPossible('nothing listens that could be tried, and the rules can be read by root alone')
    return found
  },
}
