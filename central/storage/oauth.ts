// What the authorization server keeps: its own records by model and id (the payload is its business, not ours), and
// grants as people know them.
import { z } from 'zod'
import { SCOPES, type Scope } from '../domain/principal.ts'
import type { Database } from './database.ts'
import type { Schema } from './schema.ts'
import { asRole } from './users.ts'

const Payload = z.record(z.string(), z.json())
const Scopes = z.array(z.enum(SCOPES))

type Payload = z.infer<typeof Payload>
export type OAuthRecord = { payload: Payload; grantId: string | null; consumedAt: number | null }
export type OAuthGrantRow = Omit<Schema['oauth_grants'], 'scopes'> & { scopes: Scope[] }
export type OAuthStore = ReturnType<typeof createOAuthStore>

const toRecord = (row: { payload: string; grant_id: string | null; consumed_at: number | null }): OAuthRecord => ({
  payload: Payload.parse(JSON.parse(row.payload)),
  grantId: row.grant_id,
  consumedAt: row.consumed_at,
})

const toGrant = (row: Schema['oauth_grants']): OAuthGrantRow => ({
  ...row,
  scopes: Scopes.parse(JSON.parse(row.scopes)),
})

export function createOAuthStore(db: Database) {
  const { kysely } = db
  return {
    records: {
      async put(model: string, id: string, payload: object, expiresAt: number | null): Promise<void> {
        const known = Payload.parse(JSON.parse(JSON.stringify(payload)))
        const row = {
          model,
          id,
          payload: JSON.stringify(known),
          grant_id: typeof known.grantId === 'string' ? known.grantId : null,
          uid: typeof known.uid === 'string' ? known.uid : null,
          expires_at: expiresAt,
        }
        await kysely
          .insertInto('oauth_records')
          .values({ ...row, consumed_at: null })
          .onConflict((conflict) => conflict.columns(['model', 'id']).doUpdateSet(row))
          .execute()
      },

      /** Expired records are not there, whether pruned or not. */
      async find(model: string, by: { id: string } | { uid: string }, now: number): Promise<OAuthRecord | undefined> {
        const column = 'id' in by ? 'id' : 'uid'
        const row = await kysely
          .selectFrom('oauth_records')
          .select(['payload', 'grant_id', 'consumed_at'])
          .where('model', '=', model)
          .where(column, '=', 'id' in by ? by.id : by.uid)
          .where((or) => or.or([or('expires_at', 'is', null), or('expires_at', '>', now)]))
          .executeTakeFirst()
        return row && toRecord(row)
      },

      /** `false`: it was consumed before, or is gone. */
      async consume(model: string, id: string, at: number): Promise<boolean> {
        const { numUpdatedRows } = await kysely
          .updateTable('oauth_records')
          .set({ consumed_at: at })
          .where('model', '=', model)
          .where('id', '=', id)
          .where('consumed_at', 'is', null)
          .executeTakeFirstOrThrow()
        return numUpdatedRows === 1n
      },

      async expireAt(model: string, id: string, at: number): Promise<void> {
        await kysely
          .updateTable('oauth_records')
          .set({ expires_at: at })
          .where('model', '=', model)
          .where('id', '=', id)
          .execute()
      },

      async remove(model: string, id: string): Promise<void> {
        await kysely.deleteFrom('oauth_records').where('model', '=', model).where('id', '=', id).execute()
      },

      async removeByGrant(model: string, grantId: string): Promise<void> {
        await kysely.deleteFrom('oauth_records').where('model', '=', model).where('grant_id', '=', grantId).execute()
      },

      async prune(now: number): Promise<void> {
        await kysely.deleteFrom('oauth_records').where('expires_at', '<=', now).execute()
      },
    },

    grants: {
      async add(grant: OAuthGrantRow): Promise<void> {
        await kysely
          .insertInto('oauth_grants')
          .values({ ...grant, scopes: JSON.stringify(grant.scopes) })
          .execute()
      },

      /** The grant with its person and what that person is in the grant's workspace now. */
      async find(id: string) {
        const row = await kysely
          .selectFrom('oauth_grants')
          .innerJoin('users', 'users.id', 'oauth_grants.user_id')
          .innerJoin('members', (join) =>
            join
              .onRef('members.user_id', '=', 'oauth_grants.user_id')
              .onRef('members.workspace_id', '=', 'oauth_grants.workspace_id'),
          )
          .selectAll('oauth_grants')
          .select(['users.email', 'users.disabled_at', 'members.role'])
          .where('oauth_grants.id', '=', id)
          .executeTakeFirst()
        if (!row) return undefined
        const { email, disabled_at, role, ...grant } = row
        return { grant: toGrant(grant), email, disabledAt: disabled_at, role: asRole(role) }
      },

      /** Grants that still stand, newest first. */
      async list(userId: string): Promise<OAuthGrantRow[]> {
        const rows = await kysely
          .selectFrom('oauth_grants')
          .selectAll()
          .where('user_id', '=', userId)
          .where('revoked_at', 'is', null)
          .orderBy('created_at', 'desc')
          .execute()
        return rows.map(toGrant)
      },

      async used(id: string, at: number): Promise<void> {
        await kysely.updateTable('oauth_grants').set({ last_used_at: at }).where('id', '=', id).execute()
      },

      /** The grant and everything that was issued under it go in one transaction. `false`: it was revoked already. */
      async revoke(id: string, at: number): Promise<boolean> {
        return db.transaction(async (tx) => {
          await tx.kysely.deleteFrom('oauth_records').where('grant_id', '=', id).execute()
          await tx.kysely.deleteFrom('oauth_records').where('model', '=', 'Grant').where('id', '=', id).execute()
          const { numUpdatedRows } = await tx.kysely
            .updateTable('oauth_grants')
            .set({ revoked_at: at })
            .where('id', '=', id)
            .where('revoked_at', 'is', null)
            .executeTakeFirstOrThrow()
          return numUpdatedRows === 1n
        })
      },
    },
  }
}
