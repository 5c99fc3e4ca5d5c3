// A line of /etc/hosts that sends those who ask for a name to where nobody answers them.
import { isLoopback, listenersOn, textsOf } from '../addresses.ts'
import type { Check, Facts, LogLine } from '../check.ts'
import { finding, next, quoted, seen } from '../say.ts'
import { isOwn, type Watched, watchUnits } from '../units.ts'

const UNREACHED =
  /ECONNREFUSED|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|connection refused|timed? ?out|no route to host|unreachable|cannot (?:reach|connect)|could not connect|failed to connect|certificate|handshake/i
const ORDINARY = /^(?:localhost|ip6-|broadcasthost)|^localhost\d?(?:\.|$)/
const RECENT = 15 * 60_000

type Entry = { line: number; address: string; name: string }

/** But for those by which a host knows itself, and those of its own sites. */
function entriesOf({ host, reality }: Facts): Entry[] {
  const { hostname } = reality.host
  const own = new Set([hostname, hostname.split('.')[0], ...reality.sites.flatMap(({ names }) => names)])
  return host
    .text('/etc/hosts')
    .split('\n')
    .flatMap((raw, i) => {
      const [address = '', ...names] = raw.replace(/#.*/, '').trim().split(/\s+/)
      return names
        .filter((name) => !own.has(name) && !ORDINARY.test(name) && name.split('.')[0] !== hostname)
        .map((name) => ({ line: i + 1, address, name }))
    })
}

/** As a word of its own: `db` is neither in `feedback` nor in `db.example`. */
const names = (text: string, word: string): boolean =>
  new RegExp(`(?<![\\w.-])${word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?![\\w-]|\\.\\w)`).test(text)

/** Who asks for the name, and has said lately that it was not reached. */
function clientOf({ name, address }: Entry, watched: readonly Watched[], facts: Facts) {
  for (const { id, unit, lines } of watched) {
    const complaints = lines.filter(({ text, at }) => facts.now - at < RECENT && UNREACHED.test(text))
    const said =
      complaints.findLast(({ text }) => names(text, name)) ?? complaints.findLast(({ text }) => names(text, address))
    if (said && (names(said.text, name) || (isOwn(unit) && names(textsOf(facts, unit), name)))) return { id, said }
  }
  return undefined
}

/** Somebody of this host answers there, so that the line does what it should. */
const isServed = ({ address }: Entry, { text }: LogLine, facts: Facts): boolean => {
  const port = Number(/:(\d{2,5})\b/.exec(text)?.[1])
  return isLoopback(address) && port > 0 && listenersOn(facts, port).length > 0
}

export const hostsFile: Check = {
  name: 'names of /etc/hosts',
  topics: ['dns', 'network'],
  async run(facts) {
    const watched = await watchUnits(facts)
    return entriesOf(facts).flatMap((entry) => {
      const client = clientOf(entry, watched, facts)
      if (!client || isServed(entry, client.said, facts)) return []
      const { name, address, line } = entry
      return finding({
        cause: 'DNS_FAILURE',
        subject: '/etc/hosts',
        title: `/etc/hosts says that ${name} is ${address}, whatever its name servers say, and ${client.id} does not reach it there`,
        confidence: 0.85,
        impact: [`${client.id} does not reach ${name}`],
        evidence: [seen(`/etc/hosts:${line}`, facts.now, `${address} ${name}`), quoted(client.said)],
        next: [next.read('/etc/hosts', 'Names that no name server is asked for'), next.journal(client.id)],
        explains: [client.id, name],
      })
    })
  },
}
