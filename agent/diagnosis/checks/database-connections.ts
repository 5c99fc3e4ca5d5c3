// A database that has no connections left: counted now, or said so a short while ago by itself or by those that were refused.
import type { Store } from '#proto/contract/reality.ts'
import { netFile } from '../../reality/kernel/sockets.ts'
import { parseSettings } from '../../reality/services/stores.ts'
import { clientsOf } from '../addresses.ts'
import type { Check, Facts, LogLine } from '../check.ts'
import { finding, next, quoted, seen } from '../say.ts'
import { type Watched, watchUnits } from '../units.ts'

type Make = {
  software: readonly string[]
  port: number
  setting: string
  fallback: number
  says: RegExp
  /** Where settings are words of a command line. */
  option?: { file: string; is: RegExp }
}

const MAKES: readonly Make[] = [
  {
    software: ['postgresql'],
    port: 5432,
    setting: 'max_connections',
    fallback: 100,
    says: /too many clients already|remaining connection slots are reserved|too many connections for (?:role|database)|53300/,
  },
  {
    software: ['mysql', 'mariadb'],
    port: 3306,
    setting: 'max_connections',
    fallback: 151,
    says: /Too many connections|ER_CON_COUNT_ERROR|max_user_connections/i,
  },
  {
    software: ['redis', 'valkey', 'keydb'],
    port: 6379,
    setting: 'maxclients',
    fallback: 10_000,
    says: /max number of clients reached/i,
  },
  {
    software: ['mongodb'],
    port: 27_017,
    setting: 'maxIncomingConnections',
    fallback: 65_536,
    says: /too many open connections|connection refused because too many/i,
  },
  {
    software: ['memcached'],
    port: 11_211,
    setting: 'maxconns',
    fallback: 1_024,
    says: /too many open connections/i,
    option: { file: '/etc/memcached.conf', is: /^\s*(?:-c|--conn-limit)[ =](\d+)/m },
  },
]
const NEARLY = 0.95
const RECENT = 10 * 60_000
const ESTABLISHED = '01'

/** Connections to a port of this host, from the side that serves it. */
function established({ host }: Facts, port: number): number {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return ['tcp', 'tcp6']
    .flatMap((name) => netFile(host, name).split('\n'))
    .filter((line) => {
      const [, local = '', , state] = line.trim().split(/\s+/)
      return state === ESTABLISHED && local.endsWith(wanted)
    }).length
}

function mostOf(make: Make, store: Store, { host }: Facts): number {
  const told =
    store.settings[make.setting] ??
    (store.config ? parseSettings(host.text(store.config, 512 * 1024), [make.setting])[make.setting] : undefined)
  const option = make.option?.is.exec(host.text(make.option.file))?.[1]
  return Number.parseInt(told ?? option ?? '', 10) || store.connections?.most || make.fallback
}

const complaint = (watched: readonly Watched[], { says }: Make, now: number): LogLine | undefined =>
  watched
    .flatMap(({ lines }) => lines)
    .filter(({ text, at }) => says.test(text) && now - at < RECENT)
    .toSorted((a, b) => a.at - b.at)
    .at(-1)

export const databaseConnections: Check = {
  name: 'connections of databases',
  topics: ['database', 'service'],
  async run(facts) {
    const watched = await watchUnits(facts)
    return MAKES.flatMap((make) => {
      const stores = facts.reality.stores.filter(
        ({ software, pid }) => make.software.includes(software) && pid !== undefined,
      )
      const line = complaint(watched, make, facts.now)
      const counted = stores.map((store) => {
        const port = Number(store.settings.port) || make.port
        return {
          store,
          used: Math.max(store.connections?.used ?? 0, established(facts, port)),
          most: mostOf(make, store, facts),
        }
      })
      const worst = counted.toSorted((a, b) => b.used / b.most - a.used / a.most)[0]
      const full = worst !== undefined && worst.used >= Math.max(3, Math.min(worst.most * NEARLY, worst.most - 3))
      // The same words are another's, where this host has none of this make.
      if (
        !full &&
        (!line || (stores.length === 0 && MAKES.some((other) => other !== make && other.says.test(line.text))))
      )
        return []
      const subject = worst?.store.owner?.name ?? line?.unit ?? make.software[0] ?? ''
      const clients = watched
        .filter(
          ({ id, lines }) =>
            id !== subject && lines.some(({ text, at }) => make.says.test(text) && facts.now - at < RECENT),
        )
        .map(({ id }) => id)
      return finding({
        cause: 'DATABASE_CONNECTIONS',
        subject,
        title: full
          ? `${worst.store.software} has ${worst.used} of ${worst.most} connections in use`
          : `${make.software[0]} had no connections left`,
        severity: full || line ? 'high' : 'medium',
        confidence: full && line ? 0.98 : full ? 0.9 : 0.85,
        impact: clients.map((id) => `${id} is refused`),
        evidence: [
          ...(worst ? [seen('/proc/net/tcp', facts.now, `${worst.used} of ${worst.most} connections`)] : []),
          ...(line ? [quoted(line)] : []),
        ],
        next: [
          next.journal(subject),
          next.reality('databases', 'Who is connected, and what the limit is'),
          next.run(
            `ss -tnp state established '( sport = :${worst ? Number(worst.store.settings.port) || make.port : make.port} )'`,
            'Whose connections these are',
          ),
        ],
        explains: [subject, ...clients, ...clientsOf(facts, make.software[0] ?? '', make.port)],
      })
    })
  },
}
