// PostgreSQL by pg's pool.
import { type Dialect, PostgresAdapter, PostgresDriver, PostgresIntrospector, PostgresQueryCompiler } from 'kysely'
import pg from 'pg'
import type { Logger } from 'pino'

/** pg hands these out as text because they could be above 2^53; ours are times, counts and sums of those. */
const NUMBERS: ReadonlySet<number> = new Set([pg.types.builtins.INT8, pg.types.builtins.NUMERIC])

const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) => (NUMBERS.has(oid) ? Number : pg.types.getTypeParser(oid, format)),
}

const CONNECT_MS = 5_000
const LOCK_MS = 10_000
const STATEMENT_MS = 30_000
const IDLE_IN_TRANSACTION_MS = 60_000

export function postgresDialect(url: string, log?: Logger): Dialect {
  const pool = new pg.Pool({
    connectionString: url,
    types,
    max: 10,
    connectionTimeoutMillis: CONNECT_MS,
    lock_timeout: LOCK_MS,
    statement_timeout: STATEMENT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
  })
  // Without listeners a restart of PostgreSQL would end this process: the pool's hears of idle connections only, so
  // each connection has its own for the time it is in use. The statement under way gets the error by itself.
  const lost = (error: Error) => log?.warn({ err: { message: error.message } }, 'a database connection was lost')
  pool.on('error', lost)
  pool.on('connect', (client) => client.on('error', () => undefined))
  return {
    createDriver: () => new PostgresDriver({ pool }),
    createAdapter: () => new PostgresAdapter(),
    createQueryCompiler: () => new PostgresQueryCompiler(),
    createIntrospector: (db) => new PostgresIntrospector(db),
  }
}
