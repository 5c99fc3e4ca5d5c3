import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { sql } from 'kysely'
import type { Database } from '../../../central/storage/database.ts'
import type { Schema } from '../../../central/storage/schema.ts'
import { dumpSchema, SNAPSHOT } from '../../../central/storage/snapshot.ts'
import { forEachDatabase } from './for-each-database.ts'

/** What the compiler believes of each column; this file does not compile when schema.ts and this list differ. */
type Kind<T> = T extends string ? 'text' : T extends number ? 'number' : T extends Uint8Array ? 'bytes' : never
type Expected = {
  [T in keyof Schema]: {
    [C in keyof Schema[T]]: null extends Schema[T][C] ? `${Kind<NonNullable<Schema[T][C]>>}?` : Kind<Schema[T][C]>
  }
}

const EXPECTED: Expected = {
  workspaces: { id: 'text', name: 'text', plan: 'text', overrides: 'text', policy: 'text', created_at: 'number' },
  users: { id: 'text', email: 'text', password_hash: 'text?', disabled_at: 'number?', created_at: 'number' },
  members: { workspace_id: 'text', user_id: 'text', role: 'text', created_at: 'number' },
  invitations: {
    id: 'text',
    hash: 'text',
    workspace_id: 'text',
    email: 'text',
    role: 'text',
    invited_by: 'text?',
    created_at: 'number',
    expires_at: 'number',
    used_at: 'number?',
    withdrawn_at: 'number?',
  },
  totp: { user_id: 'text', secret: 'bytes', confirmed_at: 'number?', last_step: 'number' },
  passkeys: {
    id: 'text',
    user_id: 'text',
    credential_id: 'text',
    public_key: 'bytes',
    counter: 'number',
    transports: 'text',
    name: 'text',
    created_at: 'number',
    last_used_at: 'number?',
  },
  recovery_codes: { user_id: 'text', hash: 'text', used_at: 'number?' },
  sessions: {
    id: 'text',
    hash: 'text',
    user_id: 'text',
    created_at: 'number',
    last_seen_at: 'number',
    expires_at: 'number',
    authenticated_at: 'number',
    amr: 'text',
    user_agent: 'text',
  },
  one_time: { hash: 'text', purpose: 'text', user_id: 'text?', payload: 'text', expires_at: 'number' },
  attempts: { subject: 'text', count: 'number', window_ends_at: 'number' },
  api_keys: {
    id: 'text',
    hash: 'text',
    user_id: 'text',
    workspace_id: 'text',
    name: 'text',
    scopes: 'text',
    created_at: 'number',
    expires_at: 'number',
    revoked_at: 'number?',
    last_used_at: 'number?',
  },
  oauth_records: {
    model: 'text',
    id: 'text',
    payload: 'text',
    grant_id: 'text?',
    uid: 'text?',
    expires_at: 'number?',
    consumed_at: 'number?',
  },
  oauth_grants: {
    id: 'text',
    user_id: 'text',
    workspace_id: 'text',
    client_id: 'text',
    client_name: 'text',
    scopes: 'text',
    created_at: 'number',
    last_used_at: 'number?',
    revoked_at: 'number?',
  },
  servers: {
    id: 'text',
    workspace_id: 'text',
    name: 'text',
    created_at: 'number',
    decommissioned_at: 'number?',
    last_seen_at: 'number?',
    agent_version: 'text?',
    facts: 'text',
    authorities: 'text',
  },
  snapshots: { server_id: 'text', taken_at: 'number', latest: 'text', before: 'text?' },
  certificates: {
    serial: 'text',
    server_id: 'text',
    state: 'text',
    fingerprint: 'text',
    issued_at: 'number',
    not_after: 'number',
    issuer: 'text',
  },
  install_tokens: {
    hash: 'text',
    workspace_id: 'text',
    server_id: 'text?',
    created_by: 'text',
    created_at: 'number',
    expires_at: 'number',
    used_at: 'number?',
  },
  actions: {
    id: 'text',
    workspace_id: 'text',
    server_id: 'text',
    parent_id: 'text?',
    kind: 'text',
    canonical: 'text',
    digest: 'text',
    words: 'text',
    state: 'text',
    requester: 'text',
    created_at: 'number',
    expires_at: 'number',
    decision: 'text?',
    granted: 'text?',
    started_at: 'number?',
    finished_at: 'number?',
    outcome: 'text?',
  },
  action_output: { action_id: 'text', start_offset: 'number', data: 'bytes' },
  audit_lines: {
    workspace_id: 'text',
    seq: 'number',
    at: 'number',
    server_id: 'text?',
    call_id: 'text',
    body: 'text',
    prev_hash: 'text',
    hash: 'text',
  },
  audit_checkpoints: {
    workspace_id: 'text',
    seq: 'number',
    hash: 'text',
    at: 'number',
    key_id: 'text',
    signature: 'bytes',
  },
  alerts: {
    id: 'text',
    workspace_id: 'text',
    server_id: 'text',
    kind: 'text',
    severity: 'text',
    status: 'text',
    message: 'text',
    value: 'number?',
    raised_at: 'number',
    resolved_at: 'number?',
  },
  migrations: { number: 'number', name: 'text', breaking: 'number', applied_at: 'number' },
}

const KINDS: Record<string, string> = {
  text: 'text',
  integer: 'number',
  int8: 'number',
  real: 'number',
  float8: 'number',
  blob: 'bytes',
  bytea: 'bytes',
}

/** What the database has. */
async function columns(db: Database): Promise<Record<string, Record<string, string>>> {
  const tables = await db.kysely.introspection.getTables()
  return Object.fromEntries(
    tables.map((table) => [
      table.name,
      Object.fromEntries(
        table.columns.map((column) => [
          column.name,
          `${KINDS[column.dataType.toLowerCase()] ?? column.dataType}${column.isNullable ? '?' : ''}`,
        ]),
      ),
    ]),
  )
}

describe('schema snapshot', () => {
  it('is what the migrations make (npm run gen:schema writes it anew)', async () => {
    assert.equal(readFileSync(SNAPSHOT, 'utf8'), await dumpSchema())
  })
})

forEachDatabase('schema', (open) => {
  it('has the tables and columns of schema.ts', async () => {
    assert.deepEqual(await columns(await open()), EXPECTED)
  })

  it('has the indexes and references of the snapshot', async () => {
    const db = await open()
    const snapshot = readFileSync(SNAPSHOT, 'utf8')
    assert.deepEqual(
      await INDEXES[db.dialect.name](db),
      [...snapshot.matchAll(/^create (?:unique )?index (\w+)/gim)].map(([, name]) => name).sort(),
    )
    assert.equal(await REFERENCES[db.dialect.name](db), [...snapshot.matchAll(/ references /gi)].length)
  })
})

const names = async (db: Database, query: string) =>
  (await sql.raw<{ name: string }>(query).execute(db.kysely)).rows.map(({ name }) => name)

const INDEXES: Record<Database['dialect']['name'], (db: Database) => Promise<string[]>> = {
  sqlite: (db) => names(db, "select name from sqlite_schema where type = 'index' and sql is not null order by name"),
  postgres: (db) =>
    names(
      db,
      `select indexname as name from pg_indexes where schemaname = 'public'
       and indexname not like '%\\_pkey' and indexname not like '%\\_key' order by indexname`,
    ),
}

const REFERENCES: Record<Database['dialect']['name'], (db: Database) => Promise<number>> = {
  sqlite: async (db) =>
    (
      await names(
        db,
        "select f.'from' as name from sqlite_schema t, pragma_foreign_key_list(t.name) f where t.type = 'table'",
      )
    ).length,
  postgres: async (db) => (await names(db, "select conname as name from pg_constraint where contype = 'f'")).length,
}
