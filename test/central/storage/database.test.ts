import assert from 'node:assert/strict'
import { it } from 'node:test'
import { sql } from 'kysely'
import type { Database } from '../../../central/storage/database.ts'
import { isDuplicate } from '../../../central/storage/faults.ts'
import { forEachDatabase } from './for-each-database.ts'

const attempt = (subject: string, count = 1) => ({ subject, count, window_ends_at: 1_750_000_000_000 })

const insert = (db: Database, subject: string, count?: number) =>
  db.kysely.insertInto('attempts').values(attempt(subject, count)).execute()

const subjects = async (db: Database) =>
  (await db.kysely.selectFrom('attempts').select('subject').orderBy('subject').execute()).map((row) => row.subject)

forEachDatabase('database', (open) => {
  it('gives whole numbers as numbers and bytes as Buffers', async () => {
    const db = await open()
    await db.kysely
      .insertInto('users')
      .values({ id: 'u', email: 'a@b.c', password_hash: null, disabled_at: null, created_at: 1_750_000_000_000 })
      .execute()
    await db.kysely
      .insertInto('totp')
      .values({ user_id: 'u', secret: new Uint8Array([0, 255, 10]), confirmed_at: null, last_step: 58_333_333 })
      .execute()
    assert.deepEqual(await db.kysely.selectFrom('totp').selectAll().execute(), [
      { user_id: 'u', secret: Buffer.from([0, 255, 10]), confirmed_at: null, last_step: 58_333_333 },
    ])
    const totals = await db.kysely
      .selectFrom('totp')
      .select(({ fn }) => [fn.countAll<number>().as('count'), fn.sum<number>('last_step').as('sum')])
      .executeTakeFirstOrThrow()
    assert.deepEqual(totals, { count: 1, sum: 58_333_333 })
  })

  it('orders text by bytes', async () => {
    const db = await open()
    for (const subject of ['b', 'ä', 'B', '_', 'a']) await insert(db, subject)
    assert.deepEqual(await subjects(db), ['B', '_', 'a', 'b', 'ä'])
  })

  it('counts affected rows and gives returned ones', async () => {
    const db = await open()
    for (const subject of ['a', 'b']) await insert(db, subject)
    const updated = await db.kysely.updateTable('attempts').set({ count: 7 }).executeTakeFirstOrThrow()
    assert.equal(updated.numUpdatedRows, 2n)
    const deleted = await db.kysely.deleteFrom('attempts').where('subject', '=', 'a').returningAll().execute()
    assert.deepEqual(deleted, [attempt('a', 7)])
  })

  it('refuses a value of another type and a reference to nothing', async () => {
    const db = await open()
    await assert.rejects(sql`insert into attempts values ('a', 'many', 0)`.execute(db.kysely))
    const orphan = { workspace_id: 'none', user_id: 'none', role: 'owner', created_at: 0 }
    await assert.rejects(db.kysely.insertInto('members').values(orphan).execute())
  })

  it('tells a duplicate from other failures', async () => {
    const db = await open()
    await insert(db, 'a')
    await assert.rejects(insert(db, 'a'), isDuplicate)
    await assert.rejects(sql`select * from nothing`.execute(db.kysely), (error) => !isDuplicate(error))
  })

  it('saves all of a transaction or nothing', async () => {
    const db = await open()
    await db.transaction(async (tx) => {
      await insert(tx, 'a')
      await insert(tx, 'b')
    })
    await assert.rejects(
      db.transaction(async (tx) => {
        await insert(tx, 'c')
        throw new Error('no')
      }),
      /^Error: no$/,
    )
    assert.deepEqual(await subjects(db), ['a', 'b'])
  })

  it('makes a transaction in a transaction part of the outer one', async () => {
    const db = await open()
    await assert.rejects(
      db.transaction(async (tx) => {
        await tx.transaction((inner) => insert(inner, 'a'))
        assert.deepEqual(await subjects(tx), ['a'])
        throw new Error('no')
      }),
      /^Error: no$/,
    )
    assert.deepEqual(await subjects(db), [])
  })

  it('saves nothing of a transaction in which a statement failed, even where the failure was caught', async () => {
    const db = await open()
    await insert(db, 'a')
    const transaction = db.transaction(async (tx) => {
      await insert(tx, 'b')
      await assert.rejects(insert(tx, 'a'), isDuplicate)
      await assert.rejects(insert(tx, 'c'), isDuplicate)
    })
    await assert.rejects(transaction, isDuplicate)
    assert.deepEqual(await subjects(db), ['a'])
  })

  it('refuses at once a statement that would wait for its own transaction', async () => {
    const db = await open()
    const outside = /inside a transaction, use the database that transaction\(\) hands in/
    await db.transaction(async (tx) => {
      await insert(tx, 'a')
      await assert.rejects(insert(db, 'b'), outside)
      await assert.rejects(
        db.transaction((other) => insert(other, 'c')),
        outside,
      )
    })
    await insert(db, 'd')
    assert.deepEqual(await subjects(db), ['a', 'd'])
  })

  it('lets what a transaction started go on by itself afterwards', async () => {
    const db = await open()
    const over = Promise.withResolvers<void>()
    const started = await db.transaction(async (tx) => {
      await insert(tx, 'a')
      return { later: over.promise.then(() => insert(db, 'b')) }
    })
    over.resolve()
    await started.later
    assert.deepEqual(await subjects(db), ['a', 'b'])
  })

  it('never mixes a transaction with the statements of others', async () => {
    const db = await open()
    const seen: number[] = []
    const look = async () => void seen.push((await subjects(db)).length)
    const write = db.transaction(async (tx) => {
      for (const subject of ['a', 'b', 'c']) {
        await insert(tx, subject)
        await new Promise((resolve) => setImmediate(resolve))
      }
    })
    await Promise.all([write, ...Array.from({ length: 50 }, look)])
    await look()
    assert.deepEqual(
      [...new Set(seen)].filter((count) => count !== 0 && count !== 3),
      [],
    )
    assert.equal(seen.at(-1), 3)
  })

  it('loses no update of many that queue up for the same row', async () => {
    const db = await open()
    await insert(db, 'a', 0)
    const add = () =>
      db.transaction(async (tx) => {
        const row = tx.kysely.selectFrom('attempts').select('count').where('subject', '=', 'a')
        const { count } = await tx.dialect.lockRows(row).executeTakeFirstOrThrow()
        await tx.kysely
          .updateTable('attempts')
          .set({ count: count + 1 })
          .execute()
      })
    await Promise.all(Array.from({ length: 200 }, add))
    assert.deepEqual(await db.kysely.selectFrom('attempts').selectAll().execute(), [attempt('a', 200)])
  })

  it('finishes what is under way before it closes', async () => {
    const db = await open()
    const writes = Array.from({ length: 20 }, (_, index) => db.transaction((tx) => insert(tx, `s${index}`)))
    await db.kysely.selectFrom('attempts').selectAll().execute()
    const results = await Promise.allSettled([...writes, db.close()])
    assert.deepEqual(
      results.filter(({ status }) => status === 'rejected'),
      [],
    )
    await assert.rejects(subjects(db))
  })
})
