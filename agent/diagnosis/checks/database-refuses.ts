// A database that runs, and refuses what it is asked: it takes no writes, does not know the account, or has no such database. Its
// clients, or its own log, say so.
import type { Cause } from '#proto/contract/diagnosis.ts'
import { clientsOf } from '../addresses.ts'
import type { Check } from '../check.ts'
import { finding, lastOf, next, quoted } from '../say.ts'
import { watchUnits } from '../units.ts'

type Refusal = {
  software: RegExp
  says: RegExp
  /** What it says itself once that is over. */
  over?: RegExp
  cause: Cause
  why: string
  ofStore: boolean
  /** Its words are anybody's: they count of the database itself, and of who is seen to be its client. */
  plain?: true
}

const POSTGRES = /^postgresql$/
const MYSQL = /^(?:mysql|mariadb)$/
const REDIS = /^(?:redis|valkey|keydb)$/
const MONGO = /^mongodb$/

const REFUSALS: readonly Refusal[] = [
  {
    software: POSTGRES,
    says: /cannot execute \S+(?: \S+)? in a read-only transaction|\b(?:SQLSTATE|code)\b\W{0,6}25006\b/i,
    cause: 'DATABASE_DOWN',
    why: 'takes no writes: it is read-only, or a standby',
    ofStore: true,
  },
  {
    software: POSTGRES,
    says: /the database system is (?:starting up|in recovery mode|shutting down|not (?:yet )?accepting)/,
    over: /ready to accept (?:read-only )?connections/,
    cause: 'DATABASE_DOWN',
    why: 'does not take connections yet',
    ofStore: true,
  },
  {
    software: MYSQL,
    says: /running with the --(?:super-)?read-only option|ER_OPTION_PREVENTS_STATEMENT/,
    cause: 'DATABASE_DOWN',
    why: 'takes no writes: it is read-only',
    ofStore: true,
  },
  {
    software: REDIS,
    says: /\bREADONLY You can't write/,
    cause: 'DATABASE_DOWN',
    why: 'takes no writes: it is a replica',
    ofStore: true,
  },
  {
    software: REDIS,
    says: /\bMISCONF\b|unable to persist (?:on|to) disk/,
    cause: 'DATABASE_DOWN',
    why: 'takes no writes: it cannot save what it has',
    ofStore: true,
  },
  {
    software: REDIS,
    says: /\bOOM command not allowed/,
    cause: 'CGROUP_LIMIT',
    why: 'takes no writes: it has all the memory that its maxmemory lets it have',
    ofStore: true,
  },
  {
    software: REDIS,
    says: /\bLOADING Redis is loading/,
    over: /Ready to accept connections/,
    cause: 'DATABASE_DOWN',
    why: 'does not answer yet: it reads its data',
    ofStore: true,
  },
  {
    software: POSTGRES,
    says: /password authentication failed for user|no pg_hba\.conf entry for|pg_hba\.conf rejects connection|role "[^"]+" does not exist|(?:Peer|Ident) authentication failed/,
    cause: 'CONFIG_INVALID',
    why: 'does not let in who asks',
    ofStore: false,
  },
  {
    software: MYSQL,
    says: /Access denied for user ['"\\]|ER_ACCESS_DENIED|is not allowed to connect to this (?:MySQL|MariaDB)/i,
    cause: 'CONFIG_INVALID',
    why: 'does not let in who asks',
    ofStore: false,
  },
  {
    software: REDIS,
    says: /\b(?:NOAUTH|WRONGPASS|NOPERM)\b|invalid username-password pair|ERR AUTH/,
    cause: 'CONFIG_INVALID',
    why: 'does not let in who asks',
    ofStore: false,
  },
  {
    software: MONGO,
    says: /Authentication failed\.|not authorized on|NotWritablePrimary|not (?:master|primary)/,
    cause: 'CONFIG_INVALID',
    why: 'does not let in who asks, or takes no writes',
    ofStore: false,
    plain: true,
  },
  {
    software: POSTGRES,
    says: /database "[^"]+" does not exist|\b(?:SQLSTATE|code)\b\W{0,6}3D000\b/i,
    cause: 'CONFIG_INVALID',
    why: 'has no such database',
    ofStore: false,
  },
  {
    software: POSTGRES,
    says: /(?:relation|column|schema) "[^"]+" (?:of relation "[^"]+" )?does not exist/,
    cause: 'CONFIG_INVALID',
    why: 'has not the tables that are asked for',
    ofStore: false,
  },
  {
    software: MYSQL,
    says: /Unknown database '|ER_BAD_DB_ERROR/,
    cause: 'CONFIG_INVALID',
    why: 'has no such database',
    ofStore: false,
  },
  {
    software: MYSQL,
    says: /Table '[^']+' doesn't exist|Unknown column '/,
    cause: 'CONFIG_INVALID',
    why: 'has not the tables that are asked for',
    ofStore: false,
  },
]
const RECENT = 10 * 60_000

export const databaseRefuses: Check = {
  name: 'what databases refuse',
  topics: ['database', 'deploy', 'service'],
  async run(facts) {
    const watched = await watchUnits(facts)
    const { stores } = facts.reality
    const found = REFUSALS.flatMap(({ software, says, over, cause, why, ofStore, plain }) => {
      const store = stores.find((each) => software.test(each.software) && each.pid !== undefined)
      if (!store) return []
      const own = store.owner?.name ?? store.software
      const mine = watched.find(({ id }) => id === own)?.lines ?? []
      const since = Math.max(facts.now - RECENT, mine.findLast(({ text }) => over?.test(text))?.at ?? 0)
      const known = () => clientsOf(facts, store.software, Number(store.settings.port) || 0)
      const said = watched.flatMap(({ id, lines }) => {
        const line = lines.findLast(({ text, at }) => at > since && says.test(text))
        return line && (!plain || id === own || known().includes(id)) ? [{ id, line }] : []
      })
      if (said.length === 0) return []
      const clients = said.filter(({ id }) => id !== own).map(({ id }) => id)
      const users = clients.length > 0 ? clients : known()
      const subject = ofStore ? own : (users[0] ?? own)
      return finding({
        cause,
        subject,
        title: `${store.software} runs, and ${why}${ofStore || users.length === 0 ? '' : ` (${users.join(', ')})`}`,
        severity: clients.length > 0 ? 'high' : 'medium',
        confidence: clients.length > 0 ? 0.9 : 0.7,
        impact: users.map((id) => `${id} is refused`),
        evidence: said.slice(-3).map(({ line }) => quoted(line)),
        next: [next.journal(own), ...(users[0] ? [next.journal(users[0])] : [])],
        explains: [own, ...users],
      })
    })
    return lastOf(found.toReversed(), ({ subject }) => subject)
  },
}
