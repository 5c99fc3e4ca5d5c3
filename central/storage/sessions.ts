// Console sessions. The cookie's value is never stored, only its SHA-256.
import { z } from 'zod'
import type { Database } from './database.ts'
import type { Schema } from './schema.ts'
import { asRole } from './users.ts'

const Amr = z.array(z.string())

export type SessionRow = Omit<Schema['sessions'], 'amr'> & { amr: string[] }
export type SessionsStore = ReturnType<typeof createSessionsStore>

const toRow = (row: Schema['sessions']): SessionRow => ({ ...row, amr: Amr.parse(JSON.parse(row.amr)) })

export function createSessionsStore(db: Database) {
  const { kysely } = db
  return {
    async add(session: SessionRow): Promise<void> {
      await kysely
        .insertInto('sessions')
        .values({ ...session, amr: JSON.stringify(session.amr) })
        .execute()
    },

    /** The session with its person, as long as that person is enabled and a member somewhere. */
    async find(hash: string) {
      const row = await kysely
        .selectFrom('sessions')
        .innerJoin('users', 'users.id', 'sessions.user_id')
        .innerJoin('members', 'members.user_id', 'users.id')
        .selectAll('sessions')
        .select(['users.email', 'members.workspace_id', 'members.role'])
        .where('sessions.hash', '=', hash)
        .where('users.disabled_at', 'is', null)
        .orderBy('members.created_at')
        .orderBy('members.workspace_id')
        .limit(1)
        .executeTakeFirst()
      if (!row) return undefined
      const { email, workspace_id, role, ...session } = row
      return { session: toRow(session), email, workspaceId: workspace_id, role: asRole(role) }
    },

    async list(userId: string): Promise<SessionRow[]> {
      const rows = await kysely
        .selectFrom('sessions')
        .selectAll()
        .where('user_id', '=', userId)
        .orderBy('last_seen_at', 'desc')
        .execute()
      return rows.map(toRow)
    },

    async seen(id: string, at: number): Promise<void> {
      await kysely.updateTable('sessions').set({ last_seen_at: at }).where('id', '=', id).execute()
    },

    async remove(userId: string, id: string): Promise<boolean> {
      const { numDeletedRows } = await kysely
        .deleteFrom('sessions')
        .where('user_id', '=', userId)
        .where('id', '=', id)
        .executeTakeFirstOrThrow()
      return numDeletedRows === 1n
    },

    /** All of a person's sessions, but for one when that is named. */
    async removeAll(userId: string, except?: string): Promise<void> {
      let query = kysely.deleteFrom('sessions').where('user_id', '=', userId)
      if (except) query = query.where('id', '!=', except)
      await query.execute()
    },

    /** What ended by itself. */
    async prune(expiredBefore: number, idleBefore: number): Promise<void> {
      await kysely
        .deleteFrom('sessions')
        .where((or) => or.or([or('expires_at', '<=', expiredBefore), or('last_seen_at', '<=', idleBefore)]))
        .execute()
    },
  }
}
