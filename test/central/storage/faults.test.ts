import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { sql } from 'kysely'
import { type Database, openDatabase } from '../../../central/storage/database.ts'
import { type FaultName, isConnectionFault, nameFault } from '../../../central/storage/faults.ts'
import { forEachDatabase } from './for-each-database.ts'
import { freePort, startPostgres, whyNoPostgres } from './postgres-server.ts'

const clock = { now: () => 1_750_000_000_000 }

const insert = (db: Database, subject: string) =>
  db.kysely.insertInto('attempts').values({ subject, count: 1, window_ends_at: 0 }).execute()

const count = async (db: Database) => (await db.kysely.selectFrom('attempts').select('subject').execute()).length

const isFault = (fault: FaultName) => (error: unknown) => {
  assert.ok(isConnectionFault(error), String(error))
  assert.equal(error.code, 'CONNECTION_ERROR')
  assert.deepEqual(error.details, { storage: fault })
  return true
}

forEachDatabase('faults', (open) => {
  it('leaves mistakes of a statement as they are', async () => {
    const db = await open()
    await insert(db, 'a')
    await assert.rejects(insert(db, 'a'), (error) => !isConnectionFault(error))
    await assert.rejects(sql`select nonsense`.execute(db.kysely), (error) => !isConnectionFault(error))
  })
})

describe('faults of SQLite', () => {
  let directory = ''
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'mttrly-faults-'))
  })
  afterEach(() => rmSync(directory, { recursive: true }))
  const openAt = (path: string) => openDatabase({ url: `sqlite:${path}`, clock })

  it('keeps file and directory to their owner', async () => {
    const path = join(directory, 'data', 'deep', 'central.db')
    const db = await openAt(path)
    const mode = (of: string) => statSync(of).mode & 0o777
    assert.equal(mode(join(directory, 'data')), 0o700)
    assert.equal(mode(join(directory, 'data', 'deep')), 0o700)
    for (const suffix of ['', '-wal', '-shm']) assert.equal(mode(path + suffix), 0o600)
    await db.close()
  })

  it('keeps a log that commits are flushed from, and checks references', async () => {
    const db = await openAt(join(directory, 'central.db'))
    const pragma = async (name: string) =>
      Object.values((await sql.raw(`pragma ${name}`).execute(db.kysely)).rows[0] ?? {})
    assert.deepEqual(await pragma('journal_mode'), ['wal'])
    assert.deepEqual(await pragma('synchronous'), [1]) // NORMAL: the driver flushes (sync.test.ts)
    assert.deepEqual(await pragma('foreign_keys'), [1])
    await db.close()
  })

  it('full: the transaction leaves nothing, what was there stays, and writing goes on when there is room', async () => {
    const db = await openAt(join(directory, 'central.db'))
    await insert(db, 'before')
    await sql`pragma max_page_count = 1`.execute(db.kysely) // the size it has now
    const filling = db.transaction(async (tx) => {
      for (let index = 0; index < 100; index += 1) await insert(tx, `${index}`.padEnd(4096))
    })
    await assert.rejects(filling, isFault('full'))
    assert.equal(await count(db), 1)
    await sql`pragma max_page_count = 100000`.execute(db.kysely)
    await db.transaction((tx) => insert(tx, 'after'.padEnd(8192)))
    assert.equal(await count(db), 2)
    await db.close()
  })

  it('full: nothing of the transaction is saved even where the failure was caught', async () => {
    const db = await openAt(join(directory, 'central.db'))
    await sql`pragma max_page_count = 1`.execute(db.kysely)
    const caught = db.transaction(async (tx) => {
      await insert(tx, 'x'.repeat(100_000)).catch(() => undefined)
      await insert(tx, 'small').catch(() => undefined)
    })
    await assert.rejects(caught, isFault('full'))
    assert.equal(await count(db), 0)
    await db.close()
  })

  it('read_only and damaged', async () => {
    const db = await openAt(join(directory, 'central.db'))
    await sql`pragma query_only = 1`.execute(db.kysely)
    await assert.rejects(insert(db, 'a'), isFault('read_only'))
    await db.close()
    writeFileSync(join(directory, 'letter.txt'), 'Dear database, '.repeat(1000))
    await assert.rejects(openAt(join(directory, 'letter.txt')), isFault('damaged'))
  })

  it('waits for another program without standing still', async () => {
    const path = join(directory, 'central.db')
    const db = await openAt(path)
    const other = new DatabaseSync(path)
    other.exec('begin immediate')
    const waiting = [insert(db, 'a'), db.transaction((tx) => insert(tx, 'b'))]
    await new Promise((resolve) => setTimeout(resolve, 100))
    other.exec("insert into attempts values ('other', 1, 0); commit")
    await Promise.all(waiting)
    assert.equal(await count(db), 3)
    other.close()
    await db.close()
  })

  it('locked, when another program does not let go', () => {
    const path = join(directory, 'plain.db')
    const [one, two] = [new DatabaseSync(path), new DatabaseSync(path, { timeout: 0 })]
    one.exec('create table t (a); begin immediate')
    assert.throws(() => {
      try {
        two.exec('begin immediate')
      } catch (error) {
        throw nameFault(error)
      }
    }, isFault('locked'))
    one.close()
    two.close()
  })

  it('locked, also when it is met at the beginning of a transaction', async () => {
    const file = join(directory, 'central.db')
    const db = await openDatabase({ url: `sqlite:${file}`, clock })
    const other = new DatabaseSync(file)
    other.exec('begin immediate')
    await assert.rejects(
      db.transaction((tx) => insert(tx, 'a')),
      isFault('locked'),
    )
    other.exec('rollback')
    other.close()
    assert.equal(await count(db), 0)
    await db.close()
  })
})

describe('faults of PostgreSQL', { skip: whyNoPostgres() ?? false }, () => {
  it('unreachable: nobody listens', async () => {
    const url = `postgres://postgres@127.0.0.1:${await freePort()}/none`
    await assert.rejects(openDatabase({ url, clock }), isFault('unreachable'))
  })

  it('survives a restart: what was open is lost and named, what was saved stays, and work goes on', async () => {
    const server = await startPostgres()
    const db = await openDatabase({ url: (await server.createDatabase()).url, clock })
    await insert(db, 'saved')
    const cut = db.transaction(async (tx) => {
      await insert(tx, 'lost')
      await server.restart()
      await insert(tx, 'lost too')
    })
    await assert.rejects(cut, isFault('unreachable'))
    assert.equal(await count(db), 1)
    await insert(db, 'again')
    assert.equal(await count(db), 2)
    await server.stop()
    await assert.rejects(insert(db, 'never'), isFault('unreachable'))
    await db.close()
  })

  it('locked: a row that somebody holds for too long', async () => {
    const server = await startPostgres()
    const db = await openDatabase({ url: (await server.createDatabase()).url, clock })
    await insert(db, 'a')
    const held = Promise.withResolvers<void>()
    const holding = db.transaction(async (tx) => {
      await tx.kysely.updateTable('attempts').set({ count: 2 }).execute()
      await held.promise
    })
    const waiting = db.transaction(async (tx) => {
      await sql`set local lock_timeout = 50`.execute(tx.kysely)
      await tx.kysely.updateTable('attempts').set({ count: 3 }).execute()
    })
    await assert.rejects(waiting, isFault('locked'))
    held.resolve()
    await holding
    await db.close()
    await server.stop()
  })
})
