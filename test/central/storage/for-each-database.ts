// One suite, both databases. Every open() gives an empty, migrated database of its own; all are closed and removed
// after the test that opened them. TEST_POSTGRES_URL names a PostgreSQL that is already there (any database of it, as a
// user that may create others); without it the test process starts one of its own.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, describe } from 'node:test'
import { type Database, openDatabase } from '../../../central/storage/database.ts'
import { type PostgresServer, serverAt, startPostgres, whyNoPostgres } from './postgres-server.ts'

const given = process.env.TEST_POSTGRES_URL
const clock = { now: () => 1_750_000_000_000 }

export function forEachDatabase(name: string, suite: (open: () => Promise<Database>) => void): void {
  forEachUrl(name, (createUrl, later) =>
    suite(async () => {
      const db = await openDatabase({ url: await createUrl(), clock })
      later(() => db.close())
      return db
    }),
  )
}

type Later = (cleanup: () => unknown) => void

/** For suites that open one database more than once: createUrl() names a new, empty one. `later` runs after the test. */
export function forEachUrl(name: string, suite: (createUrl: () => Promise<string>, later: Later) => void): void {
  for (const { title, skip, createUrl } of DATABASES) {
    describe(`${name} on ${title}`, { skip: skip() }, () => {
      const cleanups: (() => unknown)[] = []
      const later: Later = (cleanup) => void cleanups.push(cleanup)
      afterEach(async () => {
        for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
      })
      suite(() => createUrl(later), later)
    })
  }
}

const DATABASES = [
  {
    title: 'SQLite',
    skip: () => false,
    createUrl: async (later: Later) => {
      const directory = mkdtempSync(join(tmpdir(), 'mttrly-sqlite-'))
      later(() => rmSync(directory, { recursive: true }))
      return `sqlite:${join(directory, 'central.db')}`
    },
  },
  {
    title: 'PostgreSQL',
    skip: () => (given ? false : (whyNoPostgres() ?? false)),
    createUrl: async (later: Later) => {
      const { url, drop } = await (await sharedPostgres()).createDatabase()
      later(drop)
      return url
    },
  },
]

let shared: Promise<PostgresServer> | undefined

const sharedPostgres = async (): Promise<Pick<PostgresServer, 'createDatabase'>> => {
  if (given) return serverAt(given)
  shared ??= startPostgres()
  return shared
}

after(async () => (await shared)?.stop())
