// The one place where the two databases differ. A difference has a name; no repository asks which database it is.
import { type Kysely, type Dialect as KyselyDialect, sql } from 'kysely'
import type { Logger } from 'pino'
import { postgresDialect } from './postgres.ts'
import type { Schema } from './schema.ts'
import { openSqlite, sqliteDialect } from './sqlite.ts'

export type Dialect = {
  /** For people and logs; differences are asked for by the names below. */
  name: 'sqlite' | 'postgres'
  /** Words for `create table`. Text compares by bytes on both. `end` follows the closing parenthesis. */
  columns: { text: string; int: string; real: string; bytes: string; end: string }
  /**
   * Locks the rows of a select until the transaction ends, where others could write them meanwhile. (On SQLite a
   * transaction has the whole file.)
   */
  lockRows<Q extends { forUpdate(): Q }>(query: Q): Q
  /** Called first in the migrating transaction: one program at a time goes past it. */
  lockMigrations(kysely: Kysely<Schema>): Promise<void>
}

const SQLITE: Dialect = {
  name: 'sqlite',
  // Strict tables refuse a value of another type, as PostgreSQL does.
  columns: { text: 'text', int: 'integer', real: 'real', bytes: 'blob', end: ' strict' },
  lockRows: (query) => query,
  lockMigrations: async () => undefined,
}

/** Any constant; it only has to differ from other programs' in the same database. */
const MIGRATION_LOCK = 7_283_110_425

const POSTGRES: Dialect = {
  name: 'postgres',
  columns: { text: 'text collate "C"', int: 'bigint', real: 'double precision', bytes: 'bytea', end: '' },
  lockRows: (query) => query.forUpdate(),
  lockMigrations: async (kysely) => {
    // Whoever migrates may take long, and so may the one who waits for it.
    await sql`set local statement_timeout = 0`.execute(kysely)
    await sql`set local lock_timeout = '5min'`.execute(kysely)
    await sql`select pg_advisory_xact_lock(${MIGRATION_LOCK})`.execute(kysely)
  },
}

export function openDialect(url: string, log?: Logger): { kyselyDialect: KyselyDialect; dialect: Dialect } {
  if (url.startsWith('sqlite:')) {
    return { kyselyDialect: sqliteDialect(openSqlite(url.slice('sqlite:'.length))), dialect: SQLITE }
  }
  if (/^postgres(ql)?:\/\//.test(url)) return { kyselyDialect: postgresDialect(url, log), dialect: POSTGRES }
  throw new Error('the database URL must begin with sqlite: or postgres://') // the URL itself may hold a password
}
