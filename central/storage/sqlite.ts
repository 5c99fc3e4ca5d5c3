// SQLite by Node's own driver: one connection, taken in turns, so that a transaction and other statements never mix.
import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from 'node:sqlite'
import { setTimeout } from 'node:timers/promises'
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  DialectAdapterBase,
  type Driver,
  type QueryResult,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import { nameFault, sqliteCode } from './faults.ts'

/** While the file is opened. SQLite's own wait blocks the process. */
const BUSY_OPENING_MS = 2_000
/** Afterwards: another program (the admin command, a backup) may write for so long. We wait without blocking. */
const BUSY_TRIES = 200
const BUSY_PAUSE_MS = 25
const BUSY = 5 // SQLITE_BUSY
const MOST_STATEMENTS = 500

/** @throws StorageFault */
export function openSqlite(path: string): DatabaseSync {
  try {
    if (path !== ':memory:') makePrivate(path)
    return configured(new DatabaseSync(path, { timeout: BUSY_OPENING_MS }))
  } catch (error) {
    throw nameFault(error)
  }
}

function configured(database: DatabaseSync): DatabaseSync {
  try {
    // FULL: what was committed survives a power cut. NORMAL in WAL mode would lose the last commits.
    database.exec('pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on')
    database.exec('pragma busy_timeout = 0')
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/** SQLite gives the -wal and -shm files the mode of the main file. */
function makePrivate(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  closeSync(openSync(path, 'a', 0o600))
  chmodSync(path, 0o600)
}

export const sqliteDialect = (database: DatabaseSync): Dialect => ({
  createDriver: () => sqliteDriver(database),
  createAdapter: () => new SqliteAdapter(),
  createQueryCompiler: () => new SqliteQueryCompiler(),
  createIntrospector: (db) => new SqliteIntrospector(db),
})

class SqliteAdapter extends DialectAdapterBase {
  /** True only so that Kysely leaves the taking of turns to the driver below: its own would wait before we are asked. */
  override get supportsMultipleConnections(): boolean {
    return true
  }
  override get supportsReturning(): boolean {
    return true
  }
  override get supportsTransactionalDdl(): boolean {
    return true
  }
  async acquireMigrationLock(): Promise<void> {}
  async releaseMigrationLock(): Promise<void> {}
}

function sqliteDriver(database: DatabaseSync): Driver {
  const connection = sqliteConnection(database)
  const turns = createTurns()
  const run = async (sql: string) => void (await connection.executeQuery(CompiledQuery.raw(sql)))
  return {
    init: async () => undefined,
    acquireConnection: async () => {
      await turns.take()
      return connection
    },
    // immediate: a transaction that reads first and writes later could otherwise be refused in the middle.
    beginTransaction: () => run('begin immediate'),
    commitTransaction: () => run('commit'),
    // After some faults (a full disk) SQLite has rolled back by itself.
    rollbackTransaction: async () => {
      if (database.isTransaction) await run('rollback')
    },
    releaseConnection: async () => turns.give(),
    destroy: async () => {
      await turns.take()
      database.close()
    },
  }
}

/** First come, first served. */
function createTurns() {
  let taken = false
  const waiting: (() => void)[] = []
  return {
    take: async () => {
      if (taken) await new Promise<void>((resolve) => waiting.push(resolve))
      taken = true
    },
    give: () => {
      const next = waiting.shift()
      if (next) next()
      else taken = false
    },
  }
}

type Prepared = { statement: StatementSync; returnsRows: boolean }

function sqliteConnection(database: DatabaseSync): DatabaseConnection {
  const prepare = createStatementCache(database)
  return {
    executeQuery: async <R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> => {
      const { statement, returnsRows } = prepare(sql)
      const values = parameters as SQLInputValue[]
      if (returnsRows) {
        const rows = await whenFree(database, () => statement.all(...values))
        return { rows: rows.map((row) => plain(row) as R) }
      }
      const { changes, lastInsertRowid } = await whenFree(database, () => statement.run(...values))
      return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) }
    },
    // biome-ignore lint/correctness/useYield: it only refuses
    streamQuery: async function* () {
      throw new Error('queries are not streamed: read in pages')
    },
  }
}

/** A statement that another program's lock kept out has done nothing, and is tried again. */
async function whenFree<T>(database: DatabaseSync, run: () => T): Promise<T> {
  for (let left = BUSY_TRIES; ; left -= 1) {
    try {
      return run()
    } catch (error) {
      if (sqliteCode(error) !== BUSY || database.isTransaction || left === 0) throw error
      await setTimeout(BUSY_PAUSE_MS)
    }
  }
}

/** By SQL text; the one that was made first goes when there are too many. */
function createStatementCache(database: DatabaseSync): (sql: string) => Prepared {
  const cache = new Map<string, Prepared>()
  return (sql) => {
    const known = cache.get(sql)
    if (known) return known
    const statement = database.prepare(sql)
    const prepared = { statement, returnsRows: statement.columns().length > 0 }
    cache.set(sql, prepared)
    const [oldest] = cache.keys()
    if (cache.size > MOST_STATEMENTS && oldest !== undefined) cache.delete(oldest)
    return prepared
  }
}

/** Rows as pg gives them: ordinary objects, bytes as Buffers. */
function plain(row: Record<string, SQLOutputValue>): Record<string, unknown> {
  const copy: Record<string, unknown> = {}
  for (const name in row) {
    const value = row[name]
    copy[name] = value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : value
  }
  return copy
}
