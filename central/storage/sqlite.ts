// SQLite by Node's own driver: one connection, taken in turns, so that a transaction and other statements never mix.
import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
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
import { createSync } from './sync.ts'

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
    database.exec('pragma journal_mode = wal; pragma foreign_keys = on')
    // NORMAL leaves the log's last commits in the page cache, from where createSync has them brought to the disk before
    // anybody hears that they were made (https://www.sqlite.org/pragma.html#pragma_synchronous). FULL would hold up the
    // whole process for as long as the disk takes.
    database.exec(`pragma synchronous = ${hasLog(database) ? 'normal' : 'full'}`)
    database.exec('pragma busy_timeout = 0')
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/** A database in memory has no write-ahead log, and neither has one on a file system without shared memory. */
const hasLog = (database: DatabaseSync): boolean =>
  database.prepare('pragma journal_mode').get()?.journal_mode === 'wal'

/** SQLite gives the -wal and -shm files the mode of the main file. */
function makePrivate(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  closeSync(openSync(path, 'a', 0o600))
  chmodSync(path, 0o600)
}

/** @param log tests give one of their own */
export const sqliteDialect = (database: DatabaseSync, log: Log = logOf(database)): Dialect => ({
  createDriver: () => sqliteDriver(database, log),
  createAdapter: () => new SqliteAdapter(),
  createQueryCompiler: () => new SqliteQueryCompiler(),
  createIntrospector: (db) => new SqliteIntrospector(db),
})

export type Log = {
  /** Brings what has been committed so far to the disk. */ flush(): Promise<void>
  close(): Promise<void>
}

/** The write-ahead log as a file. It stays the same one for as long as a connection is open. */
function logOf(database: DatabaseSync): Log {
  const path = hasLog(database) ? `${database.location()}-wal` : undefined
  let file: Promise<FileHandle> | undefined
  return {
    async flush() {
      if (!path) return
      file ??= open(path)
      await (await file).datasync()
    },
    close: async () => (await file)?.close(),
  }
}

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

function sqliteDriver(database: DatabaseSync, log: Log): Driver {
  const sync = createSync(log.flush)
  const statements = createStatements(database)
  const turns = createTurns()
  /** Those whose turn is over already, and who still wait for the disk. */
  const done = new WeakSet<DatabaseConnection>()
  const run = (sql: string) => statements.run(CompiledQuery.raw(sql))

  function giveTurn(connection: DatabaseConnection): void {
    if (done.has(connection)) return
    done.add(connection)
    turns.give()
  }

  /** The next one may write while this one's commit is on its way: one flush then serves both. */
  async function onDisk(connection: DatabaseConnection): Promise<void> {
    giveTurn(connection)
    await sync.wait()
  }

  return {
    init: async () => undefined,
    acquireConnection: async () => {
      await turns.take()
      const connection: DatabaseConnection = {
        async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
          sync.check()
          const { result, wrote } = await statements.run<R>(query)
          if (wrote && !database.isTransaction) await onDisk(connection)
          return result
        },
        // biome-ignore lint/correctness/useYield: it only refuses
        streamQuery: async function* () {
          throw new Error('queries are not streamed: read in pages')
        },
      }
      return connection
    },
    // immediate: a transaction that reads first and writes later could otherwise be refused in the middle.
    beginTransaction: async () => void (await run('begin immediate')),
    commitTransaction: async (connection) => {
      await run('commit')
      await onDisk(connection)
    },
    // After some faults (a full disk) SQLite has rolled back by itself.
    rollbackTransaction: async () => {
      if (database.isTransaction) await run('rollback')
    },
    releaseConnection: async (connection) => giveTurn(connection),
    destroy: async () => {
      await turns.take()
      await sync.end()
      await log.close()
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

type Prepared = { statement: StatementSync; returnsRows: boolean; writes: boolean }

/** What is no write; anything else is taken for one. */
const NO_WRITE = /^\s*(select|pragma|explain|begin|commit|rollback)\b/i

function createStatements(database: DatabaseSync) {
  const prepare = createStatementCache(database)
  return {
    async run<R>({ sql, parameters }: CompiledQuery): Promise<{ result: QueryResult<R>; wrote: boolean }> {
      const { statement, returnsRows, writes: wrote } = prepare(sql)
      const values = parameters as SQLInputValue[]
      if (returnsRows) {
        const rows = await whenFree(database, () => statement.all(...values))
        return { wrote, result: { rows: rows.map((row) => plain(row) as R) } }
      }
      const { changes, lastInsertRowid } = await whenFree(database, () => statement.run(...values))
      return { wrote, result: { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) } }
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
    const prepared = { statement, returnsRows: statement.columns().length > 0, writes: !NO_WRITE.test(sql) }
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
