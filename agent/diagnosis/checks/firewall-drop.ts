// A firewall in the way. Its rules can be read by root alone, so it is tried: something listens, and a connection from this host
// itself does not arrive. Else rules that lie in files, and what the kernel logs of them.
import { placeIn, resolve } from '../addresses.ts'
import type { Check, Facts } from '../check.ts'
import { NotPossible } from '../not-possible.ts'
import { portsIn, whatDenies, whatKeepsIn } from '../rules.ts'
import { finding, lastOf, next, quoted, seen } from '../say.ts'
import { type Watched, watchUnits } from '../units.ts'

const PORTS_MAX = 24
const TABLE_MAX = 4 * 1024 * 1024
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
const nameOf = ({ owner, process, port }: { owner?: { name: string }; process?: string; port?: number }): string =>
  owner?.name || process || `port ${port}`

/** Listeners, once a port; those that others should reach first. */
function open({ reality }: Facts) {
  const inet = reality.listeners
    .filter(({ protocol, port }) => protocol === 'tcp' && port !== undefined)
    .toSorted((a, b) => Number(isLocal(a)) - Number(isLocal(b)))
  return [...new Map(inet.toReversed().map((each) => [each.port, each])).values()].reverse().slice(0, PORTS_MAX)
}

const isLocal = ({ address }: { address: string }): boolean => /^(?:127\.|::1$)/.test(address)

/** Ports at which a host is asked by everybody. */
function isPublic({ reality }: Facts, port: number): boolean {
  return (
    port === 80 ||
    port === 443 ||
    reality.sites.some(({ listens }) => listens.some((each) => each.endsWith(`:${port}`) || each === String(port)))
  )
}

/** What had opened a port for a moment has closed it meanwhile. */
function listensStill({ host }: Facts, port: number): boolean {
  const tables = ['/proc/net/tcp', '/proc/net/tcp6'].map((path) => host.text(path, TABLE_MAX)).join('')
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  return tables === '' || new RegExp(`^\\s*\\d+: [0-9A-F]+:${hex} [0-9A-F]+:0000 0A `, 'm').test(tables)
}

async function tried(facts: Facts, listeners: ReturnType<typeof open>) {
  const results = await Promise.all(
    listeners.map(async (listener) => ({
      listener,
      ...(await facts.probe({ port: listener.port ?? 0, address: listener.address })),
    })),
  )
  return results.filter(
    ({ ok, why, listener }) =>
      !ok &&
      /^(?:no answer|E(?:CONNREFUSED|HOSTUNREACH|NETUNREACH|PERM|ACCES))$/.test(why) &&
      listensStill(facts, listener.port ?? 0),
  )
}

const UNANSWERED = /ETIMEDOUT|timed? ?out|timeout|EPERM|operation not permitted|EHOSTUNREACH|ECONNREFUSED|refused/i

/** Services that wait for answers which a rule of this host itself keeps away. */
function outgoing(watched: readonly Watched[], active: readonly string[], facts: Facts) {
  const asked = watched.flatMap(({ id, lines }) =>
    lines
      .filter(({ at, text }) => at > facts.now - SHORTLY_MS && UNANSWERED.test(text))
      .flatMap((line) => {
        const place = placeIn(line.text)
        const addresses = place ? [place.name, ...resolve(facts.host, place.name)] : []
        const rule = place && active.map((rules) => whatKeepsIn(rules, place.port, addresses)).find(Boolean)
        return place && rule ? [{ id, line, rule, ...place }] : []
      }),
  )
  return lastOf(asked, ({ port, name }) => `${name} ${port}`).map(({ id, line, rule, name, port }) =>
    finding({
      cause: 'FIREWALL_DROP',
      subject: `port ${port} (outgoing)`,
      title: `a rule of this host's own firewall keeps ${id} from ${name}:${port}`,
      confidence: 0.93,
      impact: [`${id} does not reach ${name}:${port}`],
      evidence: [seen('rules in force', facts.now, rule), quoted(line)],
      next: [next.run('nft list ruleset', 'The rules in force'), next.journal(id)],
      explains: [id],
    }),
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
    const active = [ruleset, tables].filter((rules) => rules !== undefined)
    const stored = FILES.flatMap((pattern) =>
      host.glob(pattern).map((path) => ({ from: path, rules: host.text(path) })),
    )
    const sources = active.length > 0 ? active.map((rules) => ({ from: 'rules in force', rules })) : stored
    const logged = kernel.filter(({ at, text }) => at > now - SHORTLY_MS && LOGGED.test(text))
    // A listener whose queue is full does not answer either.
    const isFull = (port: number): boolean =>
      new RegExp(`LISTEN\\s+([1-9]\\d*)\\s+\\d+\\s+\\S*:${port}\\s`).test(queues ?? '')

    const found = listeners.flatMap((listener) => {
      const port = listener.port ?? 0
      const failure = failed.find((each) => each.listener === listener)
      const rules = isLocal(listener)
        ? []
        : sources.flatMap(({ from, rules }) => {
            const rule = whatDenies(rules, port)
            return rule === undefined ? [] : [{ from, rule }]
          })
      const lines = logged.filter(({ text }) => LOGGED.exec(text)?.[1] === String(port))
      if ((!failure || isFull(port)) && rules.length + lines.length === 0) return []
      // That a rule closes a port that others need not reach is what firewalls are for.
      const sure = failure !== undefined || lines.length > 0 || (active.length > 0 && isPublic(facts, port))
      const named = rules.some(({ rule }) => portsIn(rule).length > 0) && active.length > 0
      return [
        finding({
          cause: 'FIREWALL_DROP',
          subject: listener.owner?.name ? `${listener.owner.name} port ${port}` : nameOf(listener),
          explains: listener.owner?.name ? [listener.owner.name] : [],
          title: `${listener.owner?.name || listener.process || 'something'} listens on port ${port}, and ${failure ? `a connection to it from this host gets ${failure.why === 'no answer' ? 'no answer' : `turned away (${failure.why})`}` : 'a rule of the firewall turns it away'}`,
          severity: sure ? 'high' : named ? 'medium' : 'low',
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
    const kept = found.length > 0 ? [] : outgoing(await watchUnits(facts), active, facts)
    found.push(...kept)
    if (found.length === 0 && listeners.length === 0 && ruleset === undefined && tables === undefined)
      throw new NotPossible('nothing listens that could be tried, and the rules can be read by root alone')
    return found
  },
}
