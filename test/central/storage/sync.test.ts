import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { Kysely } from 'kysely'
import { StorageFault } from '../../../central/storage/faults.ts'
import { openSqlite, sqliteDialect } from '../../../central/storage/sqlite.ts'
import { createSync } from '../../../central/storage/sync.ts'

/** Flushes that end when the test says so. */
function heldFlushes() {
  const flushes: PromiseWithResolvers<void>[] = []
  const sync = createSync(() => {
    const flush = Promise.withResolvers<void>()
    flushes.push(flush)
    return flush.promise
  })
  return { sync, flushes }
}

describe('the driver of SQLite', () => {
  test('says that a write was made when it is on the disk, and lets others go on meanwhile', async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'mttrly-sync-'))
    t.after(() => rmSync(directory, { recursive: true, force: true }))
    const flushes: PromiseWithResolvers<void>[] = []
    const flush = () => {
      flushes.push(Promise.withResolvers())
      return flushes.at(-1)?.promise ?? Promise.resolve()
    }
    const database = openSqlite(join(directory, 'central.db'))
    const db = new Kysely<{ t: { a: number } }>({ dialect: sqliteDialect(database, { flush, close: async () => {} }) })
    const made = db.schema.createTable('t').addColumn('a', 'integer').execute()
    while (flushes.length < 1) await turn()
    flushes[0]?.resolve()
    await made

    const ended: string[] = []
    const alone = db
      .insertInto('t')
      .values({ a: 1 })
      .execute()
      .then(() => ended.push('alone'))
    const transaction = db
      .transaction()
      .execute((tx) => tx.insertInto('t').values({ a: 2 }).execute())
      .then(() => ended.push('transaction'))
    while (flushes.length < 2) await turn()
    const seen = async () => (await db.selectFrom('t').selectAll().execute()).length
    while ((await seen()) < 2) await turn()
    assert.deepEqual([ended, flushes.length], [[], 2])
    flushes[1]?.resolve()
    await alone
    while (flushes.length < 3) await turn()
    assert.deepEqual(ended, ['alone'])
    flushes[2]?.resolve()
    await transaction
    await db.destroy()
  })
})

describe('when a commit is on the disk', () => {
  test('a flush that has begun serves nobody who comes later; all who wait share the next one', async () => {
    const { sync, flushes } = heldFlushes()
    const ended: string[] = []
    const wait = (name: string) => sync.wait().then(() => ended.push(name))
    const first = wait('first')
    await turn()
    const others = [wait('second'), wait('third')]
    await turn()
    assert.equal(flushes.length, 1)
    flushes[0]?.resolve()
    await first
    await turn()
    assert.deepEqual([flushes.length, ended], [2, ['first']])
    flushes[1]?.resolve()
    await Promise.all(others)
    assert.deepEqual([flushes.length, ended], [2, ['first', 'second', 'third']])
  })

  test('after a failed flush nothing is believed any more', async () => {
    const { sync, flushes } = heldFlushes()
    const first = sync.wait()
    await turn()
    const second = sync.wait()
    flushes[0]?.reject(Object.assign(new Error('i/o error'), { code: 'EIO' }))
    const damaged = (error: unknown) => error instanceof StorageFault && error.fault === 'damaged'
    await assert.rejects(first, damaged)
    await assert.rejects(second, damaged)
    assert.throws(sync.check, damaged)
    await assert.rejects(sync.wait(), damaged)
    assert.equal(flushes.length, 1)
  })
})
