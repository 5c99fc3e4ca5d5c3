// What both databases' drivers get around them, so that they fail alike: faults have names, a failed statement dooms
// its transaction (PostgreSQL does that by itself, SQLite does not), and a statement that would wait for the
// transaction it stands in is refused.
import { AsyncLocalStorage } from 'node:async_hooks'
import type { DatabaseConnection, Driver } from 'kysely'
import { nameFault } from './faults.ts'

type Transaction = { open: boolean; failure?: { error: unknown } }

export type Guard = {
  driver(inner: Driver): Driver
  inTransaction<T>(fn: () => Promise<T>): Promise<T>
  /** Counts `work` among what idle() waits for. */
  during<T>(work: () => Promise<T>): Promise<T>
  /** Resolves when nothing is under way: a driver that is destroyed refuses whoever still waits for a connection. */
  idle(): Promise<void>
}

export function createGuard(): Guard {
  const current = new AsyncLocalStorage<Transaction>()
  const guarded = new WeakSet<DatabaseConnection>()
  const underWay = createCount()

  /** The transaction that the caller stands in, if it is still open. */
  const standing = (): Transaction | undefined => {
    const transaction = current.getStore()
    return transaction?.open ? transaction : undefined
  }

  const guardConnection = (connection: DatabaseConnection): DatabaseConnection => {
    if (guarded.has(connection)) return connection
    guarded.add(connection)
    const execute = connection.executeQuery.bind(connection)
    connection.executeQuery = async (query, options) => {
      const transaction = standing()
      if (transaction?.failure) throw transaction.failure.error
      try {
        return await execute(query, options)
      } catch (error) {
        const named = nameFault(error)
        if (transaction) transaction.failure = { error: named }
        throw named
      }
    }
    return connection
  }

  const acquire = async (inner: Driver, options: Parameters<Driver['acquireConnection']>[0]) => {
    if (standing()) throw new Error('inside a transaction, use the database that transaction() hands in')
    underWay.more()
    try {
      return guardConnection(await inner.acquireConnection(options))
    } catch (error) {
      underWay.less()
      throw nameFault(error)
    }
  }

  return {
    driver: (inner) => ({
      init: (options) => inner.init(options),
      acquireConnection: (options) => acquire(inner, options),
      beginTransaction: (connection, settings) => inner.beginTransaction(connection, settings).catch(rename),
      commitTransaction: (connection) => inner.commitTransaction(connection).catch(rename),
      // What is worth reporting is why it had to be rolled back. A driver discards a connection that cannot.
      rollbackTransaction: (connection) => inner.rollbackTransaction(connection).catch(() => undefined),
      releaseConnection: (connection, options) =>
        inner.releaseConnection(connection, options).finally(() => underWay.less()),
      destroy: (options) => inner.destroy(options),
    }),
    during: async (work) => {
      underWay.more()
      try {
        return await work()
      } finally {
        underWay.less()
      }
    },
    idle: underWay.none,
    inTransaction: (fn) => {
      const transaction: Transaction = { open: true }
      return current.run(transaction, async () => {
        try {
          const result = await fn()
          if (transaction.failure) throw transaction.failure.error
          return result
        } finally {
          transaction.open = false
        }
      })
    },
  }
}

function rename(error: unknown): never {
  throw nameFault(error)
}

function createCount() {
  let count = 0
  const waiting: (() => void)[] = []
  return {
    more(): void {
      count += 1
    },
    less(): void {
      count -= 1
      if (count > 0) return
      for (const wake of waiting.splice(0)) wake()
    },
    async none(): Promise<void> {
      // A query that was called just now reaches the driver a few microtasks later.
      await new Promise((resolve) => setImmediate(resolve))
      while (count > 0) await new Promise<void>((wake) => waiting.push(wake))
    },
  }
}
