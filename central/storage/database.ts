// Storage: the only room that knows SQL. One repository a subject, on SQLite or PostgreSQL. Domain rooms import the
// repositories; doors (mcp, http, console) never import this room.
import { Kysely } from 'kysely'
import type { Logger } from 'pino'
import type { Clock } from '../domain/clock.ts'
import { type Dialect, openDialect } from './dialect.ts'
import { createGuard, type Guard } from './guard.ts'
import { migrate } from './migrate.ts'
import type { Schema } from './schema.ts'

export type Database = {
  kysely: Kysely<Schema>
  dialect: Dialect
  /**
   * All of `fn` or nothing. Inside it, use the database it is given: a statement through the outer one is refused at
   * once, because it would wait for the very transaction that waits for it. A transaction in a transaction is part of
   * the outer one. After a failed statement nothing of it can be saved, even if the failure was caught.
   */
  transaction<T>(fn: (db: Database) => Promise<T>): Promise<T>
  /** Waits for what is under way. */
  close(): Promise<void>
}

/**
 * Opens the database and brings its schema up to date.
 * @param options.url `sqlite:/path/file.db`, `sqlite::memory:` or `postgres://…`
 * @throws SchemaRefused when a newer program has changed the schema in a way this one cannot follow
 * @throws StorageFault when the database cannot be reached or written
 */
export async function openDatabase(options: { url: string; clock: Clock; log?: Logger }): Promise<Database> {
  const guard = createGuard()
  const opened = openDialect(options.url, options.log)
  const { createDriver, ...rest } = opened.kyselyDialect
  const kysely = new Kysely<Schema>({ dialect: { ...rest, createDriver: () => guard.driver(createDriver()) } })
  const db = outerDatabase(kysely, opened.dialect, guard)
  try {
    await migrate({ db, clock: options.clock })
  } catch (error) {
    await db.close().catch(() => undefined)
    throw error
  }
  return db
}

const outerDatabase = (kysely: Kysely<Schema>, dialect: Dialect, guard: Guard): Database => ({
  kysely,
  dialect,
  transaction: (fn) =>
    guard.during(() =>
      kysely.transaction().execute((inner) => guard.inTransaction(() => fn(innerDatabase(inner, dialect)))),
    ),
  close: async () => {
    await guard.idle()
    await kysely.destroy()
  },
})

function innerDatabase(kysely: Kysely<Schema>, dialect: Dialect): Database {
  const db: Database = {
    kysely,
    dialect,
    transaction: (fn) => fn(db),
    close: () => Promise.reject(new Error('a transaction cannot close the database')),
  }
  return db
}
