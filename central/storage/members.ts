// Members: which user has which role in which workspace.
import { z } from 'zod'
import { ROLES, type Role } from '../domain/principal.ts'
import type { Database } from './database.ts'

export type Member = { userId: string; email: string; role: Role; createdAt: number; disabledAt: number | null }
/** last_owner: a workspace keeps one owner at least who is not disabled. */
export type MemberRefusal = 'not_a_member' | 'last_owner'
export type MembersStore = ReturnType<typeof createMembersStore>

const StoredRole = z.enum(ROLES)

export function createMembersStore(db: Database) {
  return {
    async role(workspaceId: string, userId: string): Promise<Role | undefined> {
      const row = await db.kysely
        .selectFrom('members')
        .select('role')
        .where('workspace_id', '=', workspaceId)
        .where('user_id', '=', userId)
        .executeTakeFirst()
      return row && StoredRole.parse(row.role)
    },

    /** Oldest first. */
    async list(workspaceId: string): Promise<Member[]> {
      const rows = await db.kysely
        .selectFrom('members')
        .innerJoin('users', 'users.id', 'members.user_id')
        .select(['members.user_id', 'users.email', 'users.disabled_at', 'members.role', 'members.created_at'])
        .where('workspace_id', '=', workspaceId)
        .orderBy('members.created_at')
        .orderBy('members.user_id')
        .execute()
      return rows.map((row) => ({
        userId: row.user_id,
        email: row.email,
        role: StoredRole.parse(row.role),
        createdAt: row.created_at,
        disabledAt: row.disabled_at,
      }))
    },

    /** Adds the member, or gives them another role. */
    set: (member: { workspaceId: string; userId: string; role: Role; now: number }): Promise<'set' | 'last_owner'> =>
      db.transaction(async (tx) => {
        const { workspaceId, userId, role, now } = member
        if (role !== 'owner' && (await isLastOwner(tx, workspaceId, userId))) return 'last_owner'
        await tx.kysely
          .insertInto('members')
          .values({ workspace_id: workspaceId, user_id: userId, role, created_at: now })
          .onConflict((conflict) => conflict.columns(['workspace_id', 'user_id']).doUpdateSet({ role }))
          .execute()
        return 'set'
      }),

    remove: (workspaceId: string, userId: string): Promise<'removed' | MemberRefusal> =>
      db.transaction(async (tx) => {
        if (await isLastOwner(tx, workspaceId, userId)) return 'last_owner'
        const { numDeletedRows } = await tx.kysely
          .deleteFrom('members')
          .where('workspace_id', '=', workspaceId)
          .where('user_id', '=', userId)
          .executeTakeFirstOrThrow()
        return numDeletedRows === 1n ? 'removed' : 'not_a_member'
      }),
  }
}

/** Locks the owners, so that two of them who leave at once do not both see the other. */
export async function isLastOwner(tx: Database, workspaceId: string, userId: string): Promise<boolean> {
  const owners = tx.kysely
    .selectFrom('members')
    .innerJoin('users', 'users.id', 'members.user_id')
    .select('members.user_id')
    .where('members.workspace_id', '=', workspaceId)
    .where('members.role', '=', 'owner')
    .where('users.disabled_at', 'is', null)
    .orderBy('members.user_id')
  const rows = await tx.dialect.lockRows(owners).execute()
  return rows.length === 1 && rows[0]?.user_id === userId
}
