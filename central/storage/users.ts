// People, and what they are in a workspace. An e-mail address is kept in lower case and is unique.
import { ROLES, type Role } from '../domain/principal.ts'
import type { Database } from './database.ts'
import { isLastOwner } from './members.ts'
import type { Schema } from './schema.ts'

export type UserRow = Schema['users']
export type Membership = { workspaceId: string; role: Role }
export type UsersStore = ReturnType<typeof createUsersStore>

export const asRole = (text: string): Role => {
  const role = ROLES.find((known) => known === text)
  if (!role) throw new Error(`Unknown role in the database: ${text}`)
  return role
}

export function createUsersStore(db: Database) {
  const { kysely } = db

  async function ownerExists(): Promise<boolean> {
    const row = await kysely
      .selectFrom('members')
      .select('user_id')
      .where('role', '=', 'owner')
      .limit(1)
      .executeTakeFirst()
    return row !== undefined
  }

  return {
    ownerExists,

    async get(id: string): Promise<UserRow | undefined> {
      return kysely.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst()
    },

    async findByEmail(email: string): Promise<UserRow | undefined> {
      return kysely.selectFrom('users').selectAll().where('email', '=', email.toLowerCase()).executeTakeFirst()
    },

    /** The user and the membership appear together. `false`: the address is taken, or there is an owner already. */
    async create(user: UserRow, membership: Membership, only: { firstOwner: boolean }): Promise<boolean> {
      return db.transaction(async (tx) => {
        if (only.firstOwner && (await createUsersStore(tx).ownerExists())) return false
        const { numInsertedOrUpdatedRows } = await tx.kysely
          .insertInto('users')
          .values({ ...user, email: user.email.toLowerCase() })
          .onConflict((conflict) => conflict.column('email').doNothing())
          .executeTakeFirstOrThrow()
        if (numInsertedOrUpdatedRows !== 1n) return false
        await tx.kysely
          .insertInto('members')
          .values({
            workspace_id: membership.workspaceId,
            user_id: user.id,
            role: membership.role,
            created_at: user.created_at,
          })
          .execute()
        return true
      })
    },

    async setPassword(id: string, hash: string): Promise<void> {
      await kysely.updateTable('users').set({ password_hash: hash }).where('id', '=', id).execute()
    },

    /** `false`: it would leave a workspace without an owner. */
    setDisabled: (id: string, at: number | null): Promise<boolean> =>
      db.transaction(async (tx) => {
        const membership = await createUsersStore(tx).membership(id)
        if (at !== null && membership && (await isLastOwner(tx, membership.workspaceId, id))) return false
        await tx.kysely.updateTable('users').set({ disabled_at: at }).where('id', '=', id).execute()
        return true
      }),

    /** The oldest membership: a user belongs to one workspace today. */
    async membership(userId: string): Promise<Membership | undefined> {
      const row = await kysely
        .selectFrom('members')
        .select(['workspace_id', 'role'])
        .where('user_id', '=', userId)
        .orderBy('created_at')
        .orderBy('workspace_id')
        .limit(1)
        .executeTakeFirst()
      return row && { workspaceId: row.workspace_id, role: asRole(row.role) }
    },
  }
}
