// Asks this host's own web listeners for their health, or for their first page: an error of the server, or no answer.
import type { Finding } from '#proto/contract/diagnosis.ts'
import type { Listener } from '#proto/contract/reality.ts'
import { textsOf, unitOf } from '../addresses.ts'
import type { Answered, Check, Facts } from '../check.ts'
import { finding, lastOf, next, quoted, seen } from '../say.ts'
import { isNamed, lastWords, type Watched, watchUnits } from '../units.ts'
import { localUpstreams, servedBy } from '../upstreams.ts'

const MOST = 16
const PATIENCE_MS = 1_300
/** Runnable tasks for each processor. */
const SWAMPED = 4
const HEALTH =
  /["'`\s=(](\/(?:[\w-]+\/)*(?:health(?:z|check|-check|_check)?|ready(?:z)?|live(?:z|ness)?|readiness|status|ping|up)(?:\/[\w-]+)?)["'`\s)?]/i
const IN_PROBLEM = /(?:^|[\s"'`(:\d])(\/[\w./-]{1,100})(?=[\s"'`),.?!;:]|$)/g
const SYSTEM_PATH = /^\/(?:etc|var|usr|srv|opt|home|root|tmp|run|proc|sys|dev|bin|sbin|lib|mnt|data|boot)(?:\/|$)/
const SERVERS = /^(?:nginx|apache2|httpd|caddy|haproxy|traefik)/

const HELD = { path: '/', answer: { ok: false, why: 'its processes are stopped by a signal (state T)' } as Answered }

type Place = { listener: Listener; who: string; paths: string[]; web: boolean }

/** Listeners that speak HTTP for what is known of them: of a runtime, or of a web server. */
function placesOf(facts: Facts): Place[] {
  const { reality, question } = facts
  const runtimes = new Set(
    reality.runtimes
      .filter(({ owner }) => owner.kind === 'unit' || owner.kind === 'user-unit')
      .map(({ owner }) => owner.name),
  )
  const asked = [...` ${question.problem}`.matchAll(IN_PROBLEM)]
    .map(([, path = '']) => path.replace(/[.]+$/, ''))
    .filter((path) => !SYSTEM_PATH.test(path))
  const passed = new Set(localUpstreams(facts).map(({ port }) => port))
  const secure = new Set(
    reality.sites.flatMap(({ listens }) =>
      listens.filter((each) => /\bssl\b|^\S*443/.test(each)).map((each) => Number(/(\d+)(?:\s|$)/.exec(each)?.[1])),
    ),
  )
  return reality.listeners
    .filter(({ protocol, port = 0 }) => protocol === 'tcp' && port !== 443 && !secure.has(port))
    .flatMap((listener): Place[] => {
      const { port = 0 } = listener
      const who = unitOf(listener) ?? ''
      const served = SERVERS.test(who)
      if (who === '' || (!runtimes.has(who) && !served) || /^mttrly/.test(who)) return []
      const unit = reality.units.find(({ id }) => id === who)
      const own = !served && unit ? HEALTH.exec(textsOf(facts, unit))?.[1] : undefined
      const web = served || own !== undefined || passed.has(port) || isNamed(facts, who)
      return [
        { listener, who, web, paths: [...new Set([...asked.slice(0, 2), ...(own ? [own] : []), '/'])].slice(0, 3) },
      ]
    })
    .slice(0, MOST)
}

/** The kernel goes on to take connections for a process that is stopped. */
const isHeld = ({ who }: Place, { reality }: Facts): boolean =>
  reality.processes.some(
    ({ owner, processes }) =>
      owner.name === who && processes.length > 0 && processes.every(({ state }) => /[Tt]/.test(state)),
  )

type Bad = { path: string; answer: Answered }

async function ask({ listener, paths }: Place, facts: Facts): Promise<Bad | undefined> {
  for (const path of paths) {
    const target = { port: listener.port ?? 0, address: listener.address, http: path }
    const first = await facts.probe(target)
    // Whoever is busy for a moment is asked again.
    const answer =
      !first.ok && first.status === undefined && facts.left() > PATIENCE_MS ? await facts.probe(target) : first
    // A page that is not there says nothing of health.
    if (!answer.ok || (answer.status ?? 0) >= 500) return { path, answer }
  }
  return undefined
}

/** Where nobody gets the processors, nobody answers in time. */
function isSwamped({ host }: Facts): boolean {
  const load = Number.parseFloat(host.text('/proc/loadavg', 100))
  const processors = host.text('/proc/stat', 256 * 1024).match(/^cpu\d+ /gm)?.length ?? 1
  return load / processors > SWAMPED
}

function describe(
  { listener, who, web }: Place,
  { path, answer }: Bad,
  watched: readonly Watched[],
  facts: Facts,
): Finding {
  const lines = lastWords(watched.find(({ id }) => id === who)?.lines ?? [], 2)
  const silent = answer.status === undefined
  // Something else than HTTP may be spoken there.
  const doubtful = silent && answer !== HELD.answer && (!web || isSwamped(facts))
  const upstream = localUpstreams(facts).find(({ port }) => port === listener.port)
  return finding({
    cause: 'ENDPOINT_FAILING',
    subject: who,
    title: silent
      ? `${who} takes connections on port ${listener.port} and does not answer`
      : `${who} answers ${path} on port ${listener.port} with ${answer.status}`,
    confidence: doubtful ? 0.4 : silent ? 0.88 : 0.95,
    severity: doubtful ? 'low' : 'high',
    evidence: [
      seen(`GET ${path} at ${listener.address}:${listener.port}`, facts.now, answer.why),
      ...lines.map(quoted),
    ],
    next: [next.journal(who), next.reality('ports', 'Who listens where')],
    explains: upstream ? [...servedBy(facts, upstream.server), ...upstream.sites] : [],
  })
}

export const endpointFailing: Check = {
  name: 'what answers over HTTP',
  topics: ['web', 'service'],
  async run(facts) {
    const watched = await watchUnits(facts)
    const asked = await Promise.all(
      placesOf(facts).map(async (place) => ({ place, bad: isHeld(place, facts) ? HELD : await ask(place, facts) })),
    )
    const found = asked.flatMap(({ place, bad }): Finding[] =>
      bad && bad.answer.why !== 'not an address of this host' ? [describe(place, bad, watched, facts)] : [],
    )
    return lastOf(found, ({ subject }) => subject)
  },
}
