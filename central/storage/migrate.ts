// Brings the schema up to date. Migrations are numbered, run once, and are never edited after a release.
import { type Kysely, sql } from 'kysely'
import type { Clock } from '../domain/clock.ts'
import type { Database } from './database.ts'
import type { Dialect } from './dialect.ts'
import { people } from './migrations/0001-people.ts'
import { credentials } from './migrations/0002-credentials.ts'
import { servers } from './migrations/0003-servers.ts'
import { actionsAndAudit } from './migrations/0004-actions-and-audit.ts'
import { invitations } from './migrations/0005-invitations.ts'
import { rollouts } from './migrations/0006-rollouts.ts'
import { authorities } from './migrations/0007-authorities.ts'
import { snapshots } from './migrations/0008-snapshots.ts'
import type { Schema } from './schema.ts'

export type Migration = {
  number: number
  name: string
  /** Whether programs that do not know it must refuse to work on the schema it leaves. */
  breaking: boolean
  up(db: MigrationDatabase): Promise<void>
}

export type MigrationDatabase = {
  /** One SQL statement. */
  run(statement: string): Promise<void>
  columns: Dialect['columns']
  kysely: Kysely<Schema>
}

export const MIGRATIONS: readonly Migration[] = [
  people,
  credentials,
  servers,
  actionsAndAudit,
  invitations,
  rollouts,
  authorities,
  snapshots,
]

/** The schema belongs to another program: start that one, or restore a backup from before it ran. */
export class SchemaRefused extends Error {
  override readonly name = 'SchemaRefused'
}

type Applied = { number: number; name: string; breaking: number }

/** All that is missing, in one transaction. @throws SchemaRefused */
export async function migrate(options: {
  db: Database
  clock: Clock
  migrations?: readonly Migration[]
}): Promise<void> {
  const { db, clock, migrations = MIGRATIONS } = options
  // Without a lock first, so that the admin command need not wait for a Central at work.
  if (missing(migrations, await appliedTo(db)).length === 0) return
  await db.transaction(async (tx) => {
    await tx.dialect.lockMigrations(tx.kysely)
    await createMigrationsTable(tx)
    for (const migration of missing(migrations, await appliedTo(tx))) await apply(tx, migration, clock)
  })
}

/** What has to run. Refuses what an older program must not touch. */
function missing(migrations: readonly Migration[], applied: readonly Applied[]): Migration[] {
  const known = new Map(migrations.map((migration) => [migration.number, migration]))
  const newest = Math.max(0, ...known.keys())
  for (const { number, name, breaking } of applied) {
    const ours = known.get(number)
    if (ours ? ours.name !== name : number <= newest) {
      throw new SchemaRefused(`migration ${number} (${name}) of this database is not one of this program's`)
    }
    if (!ours && breaking) {
      throw new SchemaRefused(
        `the database was changed by a newer program (migration ${number}, ${name}) in a way that this one, ` +
          `which knows migrations up to ${newest}, cannot work with`,
      )
    }
  }
  const done = new Set(applied.map(({ number }) => number))
  return migrations.filter(({ number }) => !done.has(number))
}

async function appliedTo(db: Database): Promise<Applied[]> {
  const tables = await db.kysely.introspection.getTables()
  if (!tables.some(({ name }) => name === 'migrations')) return []
  return db.kysely.selectFrom('migrations').select(['number', 'name', 'breaking']).orderBy('number').execute()
}

async function createMigrationsTable({ kysely, dialect }: Database): Promise<void> {
  const { text, int, end } = dialect.columns
  await sql
    .raw(`create table if not exists migrations (
      number ${int} primary key not null, name ${text} not null, breaking ${int} not null, applied_at ${int} not null
    )${end}`)
    .execute(kysely)
}

async function apply({ kysely, dialect }: Database, migration: Migration, clock: Clock): Promise<void> {
  const { number, name, breaking } = migration
  const run = async (statement: string) => void (await sql.raw(statement).execute(kysely))
  await migration.up({ run, columns: dialect.columns, kysely })
  await kysely
    .insertInto('migrations')
    .values({ number, name, breaking: breaking ? 1 : 0, applied_at: clock.now() })
    .execute()
}
