// Who suffers from what is wrong with a unit: those that need it, the web servers that pass requests to it, and the clients of the
// database that it is. So no check has to know it, and effects.ts can tell effects from roots.
import type { Finding } from '#proto/contract/diagnosis.ts'
import { clientsOf, listenersOn } from './addresses.ts'
import type { Facts } from './check.ts'
import { dependentsOf } from './needs.ts'
import { localUpstreams, servedBy, supplierOf, type Upstream } from './upstreams.ts'

/** What is seen of it elsewhere, and nothing else: another unit can have troubles of its own. */
const SEEN: readonly Finding['cause'][] = ['ENDPOINT_FAILING', 'UPSTREAM_DOWN']

const suppliers = new WeakMap<Facts, { upstream: Upstream; unit: string | undefined }[]>()

/** By who listens there now, else by who should. */
function suppliersOf(facts: Facts) {
  const known =
    suppliers.get(facts) ??
    localUpstreams(facts).map((upstream) => {
      const { path, port = 0 } = upstream
      const [listener] =
        path === undefined
          ? listenersOn(facts, port)
          : facts.reality.listeners.filter(({ address }) => address === path)
      return { upstream, unit: listener?.owner?.name ?? supplierOf(facts, upstream)?.id }
    })
  suppliers.set(facts, known)
  return known
}

/** The finding, with all that it can explain. */
export function withSufferers(finding: Finding, facts: Facts): Finding {
  const { subject, severity, explains } = finding
  if ((severity !== 'high' && severity !== 'critical') || !facts.reality.units.some(({ id }) => id === subject))
    return finding
  const passing = suppliersOf(facts).filter(({ unit }) => unit === subject)
  const servers = passing.flatMap(({ upstream }) => servedBy(facts, upstream.server))
  const clients = facts.reality.stores
    .filter(({ owner }) => owner?.name === subject)
    .flatMap(({ software, settings }) => clientsOf(facts, software, Number(settings.port) || 0))
  const seen = [...servers, ...clients].flatMap((id) => SEEN.map((cause) => `${cause} ${id}`))
  const places = passing.map(({ upstream }) => `UPSTREAM_DOWN ${upstream.what}`)
  return {
    ...finding,
    explains: [...new Set([...explains, ...dependentsOf(subject, facts), ...seen, ...places])].slice(0, 20),
  }
}
