// A service listens, and not where its clients ask: at another address, or at another port.
import type { Finding } from '#proto/contract/diagnosis.ts'
import type { Listener } from '#proto/contract/reality.ts'
import { answers, isLoopback, listenersOn, ownAddresses, refusals, resolve, textsOf, unitOf } from '../addresses.ts'
import type { Check, Facts } from '../check.ts'
import { finding, next, quoted, seen } from '../say.ts'
import { isNamed, isOwn, type Watched, watchUnits } from '../units.ts'
import { localUpstreams, supplierOf } from '../upstreams.ts'

type Wish = { client: string; name: string; port: number; evidence: Finding['evidence'][number]; sure: number }

const isHere = (facts: Facts, name: string): boolean => {
  const own = ownAddresses(facts.host)
  return resolve(facts.host, name).some((address) => isLoopback(address) || own.includes(address))
}

/** What clients of this host ask for: web servers by their configuration, others by what they were refused, or are told to ask. */
function wishesOf(watched: readonly Watched[], facts: Facts): Wish[] {
  const passed = localUpstreams(facts).flatMap(({ name, port, server, file, what }): Wish[] =>
    port === undefined
      ? []
      : [{ client: server, name, port, evidence: seen(file, facts.now, `passes requests to ${what}`), sure: 0.96 }],
  )
  const refused = refusals(watched, facts.now).map(
    ({ client, name, port, line }): Wish => ({ client: client.id, name, port, evidence: quoted(line), sure: 0.96 }),
  )
  const told = watched
    .filter(({ unit, state }) => isOwn(unit) && state !== 'masked' && state !== 'idle')
    .flatMap(({ id, unit }) =>
      [...textsOf(facts, unit).matchAll(/(?:\/\/|@)([A-Za-z0-9.-]+):(\d{2,5})\b/g)].map(
        ([asked, name = '', port]): Wish => ({
          client: id,
          name,
          port: Number(port),
          evidence: seen(unit.file ?? id, facts.now, `is told to ask ${asked.replace(/^\W+/, '')}`),
          sure: 0.85,
        }),
      ),
    )
  return [...passed, ...refused, ...told].filter(({ name }) => isHere(facts, name))
}

const placeOf = ({ address, port }: Listener): string => `${address.includes(':') ? `[${address}]` : address}:${port}`

function atOtherAddress(wish: Wish, listener: Listener, facts: Facts): Finding {
  const who = unitOf(listener) ?? listener.process ?? `port ${listener.port}`
  return finding({
    cause: 'WRONG_ADDRESS',
    subject: who,
    title: `${who} listens at ${placeOf(listener)} alone, and ${wish.client} asks at ${wish.name}:${wish.port}`,
    confidence: wish.sure,
    impact: [`${wish.client} does not reach ${who}`],
    evidence: [
      wish.evidence,
      seen(listener.ownerFrom ?? '/proc/net', facts.now, `${who} listens at ${placeOf(listener)}`),
    ],
    next: [next.reality('ports', 'Who listens where'), next.journal(who)],
    explains: [`${wish.name}:${wish.port}`, who],
  })
}

/** Nothing at that port; whoever should be there listens at another. */
function atOtherPort(wish: Wish, facts: Facts): Finding | undefined {
  const unit = supplierOf(facts, wish) ?? storeOf(wish, facts)
  const own = facts.reality.listeners.filter(
    (each) => each.protocol === 'tcp' && unit !== undefined && unitOf(each) === unit.id,
  )
  const [listener] = own
  if (!unit || !listener || own.some(({ port }) => port === wish.port)) return undefined
  return finding({
    cause: 'WRONG_ADDRESS',
    subject: unit.id,
    title: `${unit.id} listens at ${own.map(placeOf).join(', ')}, and ${wish.client} asks at ${wish.name}:${wish.port}`,
    confidence: Math.min(wish.sure, 0.92),
    impact: [`${wish.client} does not reach ${unit.id}`],
    evidence: [
      wish.evidence,
      seen(listener.ownerFrom ?? '/proc/net', facts.now, `${unit.id} listens at ${placeOf(listener)}`),
    ],
    next: [
      next.reality('ports', 'Who listens where'),
      ...(unit.file ? [next.read(unit.file, 'Where it is told to listen')] : []),
    ],
    explains: [`${wish.name}:${wish.port}`, unit.id],
  })
}

const USUAL: Record<number, RegExp> = {
  5432: /^postgresql/,
  3306: /^(?:mysql|mariadb)/,
  6379: /^(?:redis|valkey)/,
  27017: /^mongo/,
  11211: /^memcached/,
  5672: /^rabbitmq/,
  9200: /^(?:elastic|open)search/,
}
const storeOf = ({ port }: Wish, { reality }: Facts) =>
  reality.units.find(
    ({ id, active }) =>
      active === 'active' && USUAL[port]?.test(id) && reality.listeners.some((each) => unitOf(each) === id),
  )

const FROM_AFAR =
  /\b(?:remote(?:ly)?|outside|external(?:ly)?|internet|public(?:ly)?|lan|vpn|elsewhere|other (?:hosts?|machines?|servers?|computers?|containers?)|another (?:host|machine|server|computer|container)|from (?:my|our|the) (?:laptop|office|browser|network|client)s?|only (?:works )?(?:locally|from localhost|on localhost))\b/i

/** Somebody says that it cannot be reached from elsewhere, and it listens on this host's loopback alone. */
function fromAfar(watched: readonly Watched[], facts: Facts): Finding[] {
  const { problem, subject = '' } = facts.question
  if (!FROM_AFAR.test(problem)) return []
  const asked = new Set([...`${problem} ${subject}`.matchAll(/\b(\d{2,5})\b/g)].map(([, port]) => Number(port)))
  const loopback = facts.reality.listeners.filter((each) => each.protocol === 'tcp' && isLoopback(each.address))
  const open = (listener: Listener): boolean =>
    listenersOn(facts, listener.port ?? 0).some(({ address }) => !isLoopback(address))
  const own = new Set(watched.filter(({ unit }) => isOwn(unit)).map(({ id }) => id))
  // A web server stands before these.
  const behind = new Set(localUpstreams(facts).map(({ port }) => port))
  return loopback
    .filter((each) => !open(each))
    .flatMap((listener) => {
      const who = unitOf(listener) ?? listener.process ?? `port ${listener.port}`
      const named =
        asked.has(listener.port ?? 0) ||
        isNamed(facts, who) ||
        (listener.process !== undefined && isNamed(facts, listener.process))
      if (behind.has(listener.port) && !asked.has(listener.port ?? 0)) return []
      if (!named && (asked.size > 0 || !own.has(who))) return []
      return finding({
        cause: 'WRONG_ADDRESS',
        subject: who,
        title: `${who} listens at ${placeOf(listener)}, which nobody outside this host can reach`,
        severity: named ? 'high' : 'medium',
        confidence: named ? 0.92 : 0.6,
        impact: ['clients on other hosts'],
        evidence: [seen(listener.ownerFrom ?? '/proc/net', facts.now, `listens at ${placeOf(listener)} alone`)],
        next: [next.reality('ports', 'Who listens where'), next.journal(who)],
        explains: [who],
      })
    })
}

/** Ports at which a socket for every address of IPv6 takes none of IPv4: `ss -e` alone tells. */
const onlySix = (queues: string): Set<number> =>
  new Set([...queues.matchAll(/^LISTEN\s+\d+\s+\d+\s+\S*:(\d+)\s.*\bv6only:1\b/gm)].map(([, port]) => Number(port)))

export const wrongAddress: Check = {
  name: 'where services listen and where they are asked',
  topics: ['network', 'web', 'service', 'database'],
  async run(facts) {
    const watched = await watchUnits(facts)
    const six = onlySix((await facts.run('listen_queues')) ?? '')
    const isDeaf = ({ name, port }: Wish): boolean =>
      six.has(port) &&
      resolve(facts.host, name).every((address) => !address.includes(':')) &&
      listenersOn(facts, port).every(({ address }) => address.includes(':'))
    const missed = wishesOf(watched, facts).filter((wish) => !answers(facts, wish.name, wish.port) || isDeaf(wish))
    const found = missed.flatMap((wish): Finding[] => {
      const listener = listenersOn(facts, wish.port).find((each) => unitOf(each) !== wish.client)
      if (listener) return [atOtherAddress(wish, listener, facts)]
      return wish.sure > 0.9 ? [atOtherPort(wish, facts) ?? []].flat() : []
    })
    return [...new Map([...fromAfar(watched, facts), ...found].map((each) => [each.subject, each])).values()]
  },
}
