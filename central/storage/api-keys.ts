// API keys: hashed, scoped, expiring, revocable.
import { z } from 'zod'
import { SCOPES, type Scope } from '../domain/principal.ts'
import type { Database } from './database.ts'
import type { Schema } from './schema.ts'
import { asRole } from './users.ts'

const Scopes = z.array(z.enum(SCOPES))

export type ApiKeyRow = Omit<Schema['api_keys'], 'scopes'> & { scopes: Scope[] }
export type ApiKeysStore = ReturnType<typeof createApiKeysStore>

const toRow = (row: Schema['api_keys']): ApiKeyRow => ({ ...row, scopes: Scopes.parse(JSON.parse(row.scopes)) })

export function createApiKeysStore(db: Database) {
  const { kysely } = db
  return {
    async add(key: ApiKeyRow): Promise<void> {
      await kysely
        .insertInto('api_keys')
        .values({ ...key, scopes: JSON.stringify(key.scopes) })
        .execute()
    },

    /** The key with its person and what that person is in the key's workspace now. */
    async find(hash: string) {
      const row = await kysely
        .selectFrom('api_keys')
        .innerJoin('users', 'users.id', 'api_keys.user_id')
        .innerJoin('members', (join) =>
          join
            .onRef('members.user_id', '=', 'api_keys.user_id')
            .onRef('members.workspace_id', '=', 'api_keys.workspace_id'),
        )
        .selectAll('api_keys')
        .select(['users.email', 'users.disabled_at', 'members.role'])
        .where('api_keys.hash', '=', hash)
        .executeTakeFirst()
      if (!row) return undefined
      const { email, disabled_at, role, ...key } = row
      return { key: toRow(key), email, disabledAt: disabled_at, role: asRole(role) }
    },

    async list(userId: string): Promise<ApiKeyRow[]> {
      const rows = await kysely
        .selectFrom('api_keys')
        .selectAll()
        .where('user_id', '=', userId)
        .orderBy('created_at', 'desc')
        .execute()
      return rows.map(toRow)
    },

    async revoke(userId: string, id: string, at: number): Promise<boolean> {
      const { numUpdatedRows } = await kysely
        .updateTable('api_keys')
        .set({ revoked_at: at })
        .where('user_id', '=', userId)
        .where('id', '=', id)
        .where('revoked_at', 'is', null)
        .executeTakeFirstOrThrow()
      return numUpdatedRows === 1n
    },

    async used(id: string, at: number): Promise<void> {
      await kysely.updateTable('api_keys').set({ last_used_at: at }).where('id', '=', id).execute()
    },
  }
}
