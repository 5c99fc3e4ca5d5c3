// A database, cache or queue that does not run, does not listen, or is held; and clients that are refused where one should be.
import type { Finding } from '#proto/contract/diagnosis.ts'
import type { Store, Unit } from '#proto/contract/reality.ts'
import { answers, clientsOf, isLoopback, listenersOn, ownAddresses, refusals, resolve, unitOf } from '../addresses.ts'
import type { Check, Facts } from '../check.ts'
import { finding, lastOf, next, quoted, seen } from '../say.ts'
import { isNamed, lastWords, stateOf, type Watched, watchUnits } from '../units.ts'

const KINDS = new Set<Store['kind']>(['database', 'cache', 'queue', 'search'])
/** Where each of them listens unless it is told otherwise. */
const PORTS: Record<string, number> = {
  postgresql: 5432,
  mysql: 3306,
  mariadb: 3306,
  redis: 6379,
  valkey: 6379,
  keydb: 6379,
  mongodb: 27_017,
  memcached: 11_211,
  rabbitmq: 5672,
  elasticsearch: 9200,
  opensearch: 9200,
  nats: 4222,
  etcd: 2379,
  mosquitto: 1883,
  clickhouse: 8123,
}
const DATABASES: Record<number, RegExp> = {
  5432: /^postgresql(?:@.+)?\.service$/,
  3306: /^(?:mysql|mysqld|mariadb)\.service$/,
  6379: /^(?:redis|redis-server|valkey|valkey-server|keydb)(?:@.+)?\.service$/,
  27017: /^mongod?b?\.service$/,
  11211: /^memcached\.service$/,
  5672: /^rabbitmq-server\.service$/,
  9200: /^(?:elasticsearch|opensearch)\.service$/,
}
/** A wrapper that is active when it has done nothing: the clusters are units of their own. */
/** What they pass requests to is another check's. */
const WEB = /^(?:nginx|apache2|httpd|caddy|haproxy)\./
const WRAPPER = /^postgresql\.service$/

type Down = { why: string; unit?: Unit; store: Store; confidence: number; evidence: Finding['evidence'] }

function judge(store: Store, facts: Facts): Down | undefined {
  const { reality, now } = facts
  const unit = reality.units.find(({ id }) => store.owner?.kind === 'unit' && id === store.owner.name)
  const say = (why: string, confidence: number, source: string): Down => ({
    why,
    ...(unit && { unit }),
    store,
    confidence,
    evidence: [seen(source, now, why)],
  })
  const state = unit && stateOf(unit, now)
  if (unit && state && state !== 'running' && state !== 'idle')
    return say(
      state === 'masked'
        ? 'is masked'
        : state === 'looping'
          ? 'crashes again and again'
          : state === 'starting'
            ? 'does not get ready'
            : unit.active === 'failed'
              ? 'has failed'
              : 'does not run',
      0.93,
      unit.health.evidence.source,
    )
  const leader = reality.processes.flatMap(({ processes }) => processes).find(({ pid }) => pid === store.pid)
  if (leader?.state === 'T' || leader?.state === 't')
    return say(
      'is stopped by a signal, so that it takes connections and answers nothing',
      0.95,
      `/proc/${leader.pid}/stat`,
    )
  const port = Number(store.settings.port ?? PORTS[store.software])
  const young = leader !== undefined && now - leader.since < 20_000
  const shut =
    store.settings['skip-networking'] !== undefined ||
    store.settings.listen_addresses === '' ||
    store.settings.port === '0'
  if (
    leader &&
    port > 0 &&
    !young &&
    !shut &&
    store.owner?.kind === 'unit' &&
    PORTS[store.software] !== undefined &&
    listenersOn(facts, port).length === 0 &&
    !reality.listeners.some(
      (each) => each.protocol !== 'udp' && (each.pid === store.pid || unitOf(each) === store.owner?.name),
    )
  )
    return say(`runs, and does not listen on port ${port}`, 0.75, '/proc/net/tcp')
  return undefined
}

function describe(
  { why, unit, store, confidence, evidence }: Down,
  watched: readonly Watched[],
  facts: Facts,
): Finding {
  const id = unit?.id ?? store.owner?.name ?? store.software
  const own = watched.find((each) => each.id === id)
  const port = Number(store.settings.port ?? PORTS[store.software])
  const clients = refusals(watched, facts.now).filter((each) => each.port === port && each.client.id !== id)
  return finding({
    cause: 'DATABASE_DOWN',
    subject: id,
    title: `${store.software}${store.kind === 'database' ? '' : ` (${store.kind})`} ${why}`,
    confidence,
    impact: clients.map(({ client }) => `${client.id} is refused`),
    evidence: [
      ...evidence,
      ...lastWords(own?.lines ?? [], 2).map(quoted),
      ...clients.slice(0, 2).map(({ line }) => quoted(line)),
    ],
    next: [next.journal(id), ...(store.config ? [next.read(store.config, 'Its settings')] : [])],
    explains: [
      id,
      ...(port > 0 ? [`127.0.0.1:${port}`, `localhost:${port}`] : []),
      ...clients.map(({ client }) => client.id),
      ...(port > 0 ? clientsOf(facts, store.software, port) : []),
    ],
  })
}

/** Clients ask for one where nothing listens, and reality has not seen any: it is at rest, or not there. */
function missed(watched: readonly Watched[], facts: Facts): Finding[] {
  const own = ownAddresses(facts.host)
  const here = (name: string): boolean =>
    resolve(facts.host, name).some((each) => isLoopback(each) || own.includes(each))
  return refusals(watched, facts.now).flatMap(({ client, name, port, line }) => {
    const usual = DATABASES[port]
    if (
      !usual ||
      WEB.test(client.id) ||
      !here(name) ||
      answers(facts, name, port) ||
      listenersOn(facts, port).length > 0
    )
      return []
    const unit =
      facts.reality.units.find(({ id }) => usual.test(id) && !WRAPPER.test(id)) ??
      facts.reality.units.find(({ id }) => usual.test(id))
    // It runs, and listens elsewhere: that is another matter.
    if (unit && facts.reality.listeners.some((each) => unitOf(each) === unit.id)) return []
    return finding({
      cause: 'DATABASE_DOWN',
      subject: unit?.id ?? `${name}:${port}`,
      title: `nothing listens at ${name}:${port}, where ${client.id} looks for its database`,
      confidence: unit ? 0.9 : 0.75,
      impact: [`${client.id} is refused`],
      evidence: [quoted(line), seen('/proc/net/tcp', facts.now, `nothing listens on port ${port}`)],
      next: [...(unit ? [next.journal(unit.id)] : []), next.reality('databases', 'Which databases there are')],
      explains: [client.id, ...(unit ? [unit.id] : [])],
    })
  })
}

export const databaseDown: Check = {
  name: 'databases, caches and queues',
  topics: ['database', 'service'],
  async run(facts) {
    const watched = await watchUnits(facts)
    const stores = facts.reality.stores.filter(({ kind, owner }) => KINDS.has(kind) && owner?.kind !== 'container')
    const down = stores
      .flatMap((store) => judge(store, facts) ?? [])
      .filter(
        ({ unit }) =>
          !(
            unit &&
            WRAPPER.test(unit.id) &&
            stores.some(({ owner, pid }) => pid !== undefined && owner?.name.startsWith('postgresql@'))
          ),
      )
    // One that is installed, disabled, at rest, and asked about.
    const asked = facts.reality.units.filter(
      ({ id, kind, active }) =>
        kind === 'service' &&
        active === 'inactive' &&
        Object.values(DATABASES).some((pattern) => pattern.test(id)) &&
        isNamed(facts, id.replace(/(?:@.*|-server)?\.service$/, '')) &&
        !stores.some(({ owner }) => owner?.name === id) &&
        !WRAPPER.test(id),
    )
    const idle = asked.map((unit) =>
      finding({
        cause: 'DATABASE_DOWN',
        subject: unit.id,
        title: `${unit.id} does not run`,
        confidence: 0.85,
        evidence: [seen(unit.health.evidence.source, facts.now, `${unit.startup}, ${unit.active} (${unit.sub})`)],
        next: [next.journal(unit.id)],
        explains: [unit.id],
      }),
    )
    return lastOf(
      [...idle, ...missed(watched, facts), ...down.map((each) => describe(each, watched, facts))],
      ({ subject }) => subject,
    )
  },
}
