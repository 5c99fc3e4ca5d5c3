// Names that are not resolved: the resolver that is configured is asked, and what names go through before it is read.
import type { Check, Facts } from '../check.ts'
import { whatKeepsIn } from '../rules.ts'
import { finding, next, quoted, seen } from '../say.ts'

const DNS = 53
const SHORTLY_MS = 15 * 60_000
const SERVERS_MAX = 4
const COMPLAINT =
  /temporary failure in name resolution|name or service not known|could not resolve host|eai_again|enotfound|getaddrinfo .*fail|no such host|nodename nor servname|server misbehaving|failed to resolve/i

export const parseResolvConf = (text: string): string[] =>
  [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map(([, address = '']) => address)

/** How names are looked up (man 5 nsswitch.conf). */
export const parseHostsLine = (text: string): string[] =>
  /^hosts:\s*([^#\n]*)/m
    .exec(text)?.[1]
    ?.replace(/\[[^\]]*\]/g, '')
    .trim()
    .split(/\s+/) ?? []

const hasRoute = ({ host }: Facts): boolean =>
  /^\S+\t00000000\t/m.test(host.text('/proc/1/net/route') || host.text('/proc/net/route')) ||
  /^0{32} 00 /m.test(host.text('/proc/1/net/ipv6_route') || host.text('/proc/net/ipv6_route'))

/** Who may not send is told so at once; the rules can be read by root alone. */
async function whatTurnsAway(failed: readonly { server: string; why: string }[], { run, now }: Facts) {
  const barred = failed.filter(({ why }) => /^E(?:PERM|ACCES)$/.test(why))
  const rules = await Promise.all([run('nft_rules'), run('iptables_rules')])
  const servers = failed.map(({ server }) => server)
  const rule = rules.map((each) => each && whatKeepsIn(each, DNS, servers)).find(Boolean)
  if (rule) return [seen('rules in force', now, rule)]
  return barred.length > 0 && barred.length === failed.length
    ? barred.map(({ server, why }) => seen(`query to ${server}`, now, `not let out (${why})`))
    : undefined
}

export const dnsFailure: Check = {
  name: 'dns-failure',
  topics: ['dns', 'network'],
  async run(facts) {
    const { host, now, reality } = facts
    const text = host.text('/etc/resolv.conf')
    const servers = parseResolvConf(text).slice(0, SERVERS_MAX)
    const sources = parseHostsLine(host.text('/etc/nsswitch.conf'))
    const [answers, recent] = await Promise.all([
      Promise.all(servers.map(async (server) => ({ server, ...(await facts.resolver(server)) }))),
      facts.journal('recent'),
    ])
    const complaints = recent.filter(({ at, text }) => at > now - SHORTLY_MS && COMPLAINT.test(text))
    const asks = sources.length === 0 || sources.some((each) => /^(?:dns|resolve)$/.test(each))
    const failed = answers.filter(({ ok }) => !ok)
    const tell = (
      title: string,
      sure: number,
      evidence: ReturnType<typeof seen>[],
      grave = complaints.length > 0 || hasRoute(facts),
    ) =>
      finding({
        cause: 'DNS_FAILURE',
        subject: '/etc/resolv.conf',
        title,
        // A host that reaches nobody, and on which nobody complains, does without names.
        severity: grave ? 'high' : 'low',
        confidence: sure,
        impact: [...new Set(complaints.map(({ unit }) => unit).filter(Boolean))],
        evidence: [...evidence, ...complaints.slice(-3).map(quoted)],
        explains: [...new Set(complaints.map(({ unit }) => unit).filter(Boolean))],
        next: [
          next.read('/etc/resolv.conf', 'Whom this host asks'),
          next.run('resolvectl status', 'The same, as systemd-resolved has it'),
        ],
      })

    if (!asks)
      return [
        {
          ...tell('Names are looked up in no name server: nsswitch.conf does not name one', 0.9, [
            seen('/etc/nsswitch.conf', now, `hosts: ${sources.join(' ')}`),
          ]),
          subject: '/etc/nsswitch.conf',
        },
      ]
    if (servers.length === 0)
      return [
        tell('No name server is configured', 0.9, [
          seen(
            '/etc/resolv.conf',
            now,
            text.trim() === '' ? 'it is empty or missing' : 'it has no line with nameserver',
          ),
        ]),
      ]
    const seenAt = failed.map(({ server, why }) => seen(`query to ${server}`, now, why))
    if (failed.length === answers.length) {
      const stub = servers.every((server) => server.startsWith('127.'))
      const resolver = reality.units.find(({ id }) =>
        /^(?:systemd-resolved|dnsmasq|unbound|named|bind9)\.service$/.test(id),
      )
      const who = stub && resolver && resolver.active !== 'active' ? `: ${resolver.id} is ${resolver.active}` : ''
      const rule = await whatTurnsAway(failed, facts)
      if (rule)
        return [
          {
            ...tell(
              `A firewall of this host itself lets no question out to its name servers (${servers.join(', ')})`,
              0.95,
              [...rule, ...seenAt],
            ),
            cause: 'FIREWALL_DROP' as const,
            subject: 'port 53 (outgoing)',
          },
        ]
      return [tell(`No name server answers (${servers.join(', ')})${who}`, 0.95, seenAt)]
    }
    if (failed.length > 0)
      return [
        {
          ...tell(
            `${failed.length} of ${answers.length} name servers do not answer, so that look-ups are slow or fail`,
            0.85,
            seenAt,
          ),
          severity: answers[0]?.ok ? ('low' as const) : ('medium' as const),
        },
      ]
    return complaints.length > 1
      ? [
          {
            ...tell('Programs say that names are not resolved, while the name server answers', 0.6, [
              seen(`query to ${servers[0]}`, now, 'it answers'),
            ]),
            severity: 'medium' as const,
          },
        ]
      : []
  },
}
