// A web server passes requests to a place on this host where nobody answers.
import { answers, listenersOn, refusals } from '../addresses.ts'
import type { Check, Facts } from '../check.ts'
import { finding, next, quoted, seen } from '../say.ts'
import { type Watched, watchUnits } from '../units.ts'
import { localUpstreams, servedBy, supplierOf, type Upstream } from '../upstreams.ts'

const isOpen = (facts: Facts, { name, port, path }: Upstream): boolean =>
  path === undefined ? answers(facts, name, port ?? 0) : facts.reality.listeners.some(({ address }) => address === path)

function describe(upstream: Upstream, watched: readonly Watched[], facts: Facts) {
  const { what, sites, server, file, port } = upstream
  const named = supplierOf(facts, upstream)
  const unit = named ?? supplierOf(facts, upstream, watched)
  const state = watched.find(({ id }) => id === unit?.id)?.state
  const refused = refusals(watched, facts.now).find((each) => each.port === port && each.client.id.startsWith(server))
  const elsewhere = port === undefined ? [] : listenersOn(facts, port)
  return finding({
    cause: 'UPSTREAM_DOWN',
    subject: unit?.id ?? what,
    title: `nobody answers at ${what}, where ${server} sends the requests for ${sites.join(', ')}${unit ? `: ${named ? `${unit.id} should, and` : `perhaps ${unit.id}, which`} ${state === 'running' ? 'listens elsewhere' : 'does not run'}` : ''}`,
    confidence: unit && !named ? 0.8 : refused ? 0.97 : 0.93,
    impact: sites.map((site) => `${site}: 502 Bad Gateway`),
    evidence: [
      seen(file, facts.now, `passes requests to ${what}`),
      seen(
        '/proc/net',
        facts.now,
        elsewhere.length > 0
          ? `port ${port} is open at ${elsewhere.map(({ address }) => address).join(', ')} alone`
          : `nothing listens at ${what}`,
      ),
      ...(refused ? [quoted(refused.line)] : []),
    ],
    next: [
      ...(unit ? [next.journal(unit.id)] : []),
      next.reality('ports', 'Who listens where'),
      next.read(file, 'Where requests are sent'),
    ],
    explains: [...sites, ...servedBy(facts, server)],
  })
}

export const upstreamDown: Check = {
  name: 'what web servers pass requests to',
  topics: ['web', 'service', 'network'],
  async run(facts) {
    const watched = await watchUnits(facts)
    const serves = ({ server, file }: Upstream): boolean =>
      facts.reality.sites.some((site) => site.file === file && site.health.state !== 'stopped') ||
      watched.some(({ id, state }) => id.startsWith(server) && state === 'running')
    return localUpstreams(facts)
      .filter((upstream) => serves(upstream) && !isOpen(facts, upstream))
      .map((upstream) => describe(upstream, watched, facts))
  },
}
