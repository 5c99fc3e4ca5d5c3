import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Database, openDatabase } from '../../../central/storage/database.ts'
import { MIGRATIONS, type Migration, migrate } from '../../../central/storage/migrate.ts'
import { forEachDatabase, forEachUrl } from './for-each-database.ts'

const clock = { now: () => 1_750_000_000_000 }
const newest = MIGRATIONS.length

const next = (rest: Partial<Migration> = {}): Migration => ({
  number: newest + 1,
  name: 'next',
  breaking: false,
  up: ({ run }) => run('create table next (id integer)'),
  ...rest,
})

const applied = async (db: Database) =>
  (await db.kysely.selectFrom('migrations').select('number').orderBy('number').execute()).map(({ number }) => number)

const tables = async (db: Database) => (await db.kysely.introspection.getTables()).map(({ name }) => name)

describe('migrations', () => {
  it('are numbered without gaps, in order', () => {
    assert.deepEqual(
      MIGRATIONS.map(({ number }) => number),
      MIGRATIONS.map((_, index) => index + 1),
    )
  })
})

forEachDatabase('migrate', (open) => {
  it('is written down, and does nothing the second time', async () => {
    const db = await open()
    const before = await db.kysely.selectFrom('migrations').selectAll().orderBy('number').execute()
    assert.deepEqual(
      before,
      MIGRATIONS.map(({ number, name, breaking }) => ({
        number,
        name,
        breaking: breaking ? 1 : 0,
        applied_at: clock.now(),
      })),
    )
    await migrate({ db, clock: { now: () => 0 } })
    assert.deepEqual(await db.kysely.selectFrom('migrations').selectAll().orderBy('number').execute(), before)
  })

  it('applies what is new', async () => {
    const db = await open()
    await migrate({ db, clock, migrations: [...MIGRATIONS, next()] })
    assert.equal((await applied(db)).at(-1), newest + 1)
    assert.ok((await tables(db)).includes('next'))
  })

  it('leaves nothing of a run that failed half-way', async () => {
    const db = await open()
    const second = next({ number: newest + 2, name: 'wrong', up: ({ run }) => run('create table next (id integer)') })
    await assert.rejects(migrate({ db, clock, migrations: [...MIGRATIONS, next(), second] }), /already exists/)
    assert.equal((await applied(db)).at(-1), newest)
    assert.ok(!(await tables(db)).includes('next'))
  })

  it('refuses the schema of a newer program only where that breaks older ones', async () => {
    const db = await open()
    await migrate({ db, clock, migrations: [...MIGRATIONS, next()] })
    await migrate({ db, clock })
    const breaking = next({ number: newest + 2, name: 'torn', breaking: true, up: async () => undefined })
    await migrate({ db, clock, migrations: [...MIGRATIONS, next(), breaking] })
    await assert.rejects(migrate({ db, clock }), {
      name: 'SchemaRefused',
      message: new RegExp(`newer program \\(migration ${newest + 2}, torn\\).*knows migrations up to ${newest}`),
    })
  })

  it('refuses a database in which a number means something else', async () => {
    const db = await open()
    await db.kysely.updateTable('migrations').set({ name: 'other' }).where('number', '=', 1).execute()
    await assert.rejects(migrate({ db, clock }), { name: 'SchemaRefused', message: /migration 1 \(other\)/ })
  })
})

forEachUrl('opening', (createUrl, later) => {
  const openAt = async (url: string) => {
    const db = await openDatabase({ url, clock })
    later(() => db.close())
    return db
  }

  it('keeps what is there', async () => {
    const url = await createUrl()
    const first = await openDatabase({ url, clock })
    await first.kysely.insertInto('attempts').values({ subject: 'a', count: 1, window_ends_at: 0 }).execute()
    await first.close()
    const second = await openAt(url)
    assert.equal((await second.kysely.selectFrom('attempts').selectAll().execute()).length, 1)
  })

  it('of a newer breaking schema is refused and leaves no connection behind', async () => {
    const url = await createUrl()
    const first = await openAt(url)
    const breaking = next({ breaking: true })
    await migrate({ db: first, clock, migrations: [...MIGRATIONS, breaking] })
    await assert.rejects(openDatabase({ url, clock }), { name: 'SchemaRefused' })
    assert.equal((await applied(first)).at(-1), newest + 1)
  })

  it('by several starters at once migrates once', async () => {
    const url = await createUrl()
    const databases = await Promise.all(Array.from({ length: 4 }, () => openAt(url)))
    for (const db of databases) assert.equal((await applied(db)).length, newest)
  })
})
