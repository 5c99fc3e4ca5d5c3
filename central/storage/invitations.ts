// Invitations: who may become a member of a workspace, by a link that is found by the SHA-256 of its secret part. Used
// and withdrawn ones stay for a while, so that a dead link can say what became of it.
import type { Role } from '../domain/principal.ts'
import type { Database } from './database.ts'
import type { Schema } from './schema.ts'
import { asRole, createUsersStore, type UserRow } from './users.ts'

export type InvitationRow = Omit<Schema['invitations'], 'role' | 'used_at' | 'withdrawn_at'> & { role: Role }

export type Invitation = {
  id: string
  workspaceId: string
  workspaceName: string
  email: string
  role: Role
  /** Who invited; null: the administrator's command line. */
  invitedBy: { userId: string; email: string } | null
  createdAt: number
  expiresAt: number
  /** withdrawn: by hand, or because who invited is no owner any more. */
  state: 'open' | 'used' | 'expired' | 'withdrawn'
}
export type InvitationsStore = ReturnType<typeof createInvitationsStore>

export function createInvitationsStore(db: Database) {
  return {
    /** Older ones to the same address stop working. */
    add: (row: InvitationRow): Promise<void> =>
      db.transaction(async (tx) => {
        await tx.kysely
          .updateTable('invitations')
          .set({ withdrawn_at: row.created_at })
          .where('workspace_id', '=', row.workspace_id)
          .where('email', '=', row.email)
          .where('used_at', 'is', null)
          .where('withdrawn_at', 'is', null)
          .execute()
        await tx.kysely
          .insertInto('invitations')
          .values({ ...row, used_at: null, withdrawn_at: null })
          .execute()
      }),

    async find(hash: string, now: number): Promise<Invitation | undefined> {
      const row = await read(db).where('invitations.hash', '=', hash).executeTakeFirst()
      return row && toInvitation(row, now)
    },

    /** Those that can still be used, oldest first. */
    async open(workspaceId: string, now: number): Promise<Invitation[]> {
      const rows = await read(db)
        .where('invitations.workspace_id', '=', workspaceId)
        .where('invitations.expires_at', '>', now)
        .orderBy('invitations.created_at')
        .orderBy('invitations.id')
        .execute()
      return rows.map((row) => toInvitation(row, now)).filter(({ state }) => state === 'open')
    },

    /** `false`: it was used or withdrawn already, or is none of this workspace. */
    async withdraw(workspaceId: string, id: string, at: number): Promise<boolean> {
      const { numUpdatedRows } = await db.kysely
        .updateTable('invitations')
        .set({ withdrawn_at: at })
        .where('workspace_id', '=', workspaceId)
        .where('id', '=', id)
        .where('used_at', 'is', null)
        .where('withdrawn_at', 'is', null)
        .executeTakeFirstOrThrow()
      return numUpdatedRows === 1n
    },

    /**
     * The person, the membership and the end of the invitation appear together. What the person becomes stands in the
     * invitation alone. `dead`: it is not open (any more). `taken`: there is an account with its address.
     */
    accept: (hash: string, user: Omit<UserRow, 'email'>, now: number): Promise<'joined' | 'dead' | 'taken'> =>
      db.transaction(async (tx) => {
        const mine = tx.kysely.selectFrom('invitations').select('id').where('hash', '=', hash)
        await tx.dialect.lockRows(mine).execute()
        const found = await createInvitationsStore(tx).find(hash, now)
        if (found?.state !== 'open') return 'dead'
        const { email, workspaceId, role } = found
        const only = { firstOwner: false }
        if (!(await createUsersStore(tx).create({ ...user, email }, { workspaceId, role }, only))) return 'taken'
        await tx.kysely.updateTable('invitations').set({ used_at: now }).where('hash', '=', hash).execute()
        return 'joined'
      }),

    async prune(endedBefore: number): Promise<void> {
      await db.kysely.deleteFrom('invitations').where('expires_at', '<=', endedBefore).execute()
    },
  }
}

const read = ({ kysely }: Database) =>
  kysely
    .selectFrom('invitations')
    .innerJoin('workspaces', 'workspaces.id', 'invitations.workspace_id')
    .leftJoin('users as inviter', 'inviter.id', 'invitations.invited_by')
    .leftJoin('members as standing', (join) =>
      join
        .onRef('standing.user_id', '=', 'invitations.invited_by')
        .onRef('standing.workspace_id', '=', 'invitations.workspace_id'),
    )
    .selectAll('invitations')
    .select([
      'workspaces.name as workspace_name',
      'inviter.email as inviter_email',
      'inviter.disabled_at as inviter_disabled_at',
      'standing.role as inviter_role',
    ])

type Row = Awaited<ReturnType<ReturnType<typeof read>['executeTakeFirstOrThrow']>>

const toInvitation = (row: Row, now: number): Invitation => ({
  id: row.id,
  workspaceId: row.workspace_id,
  workspaceName: row.workspace_name,
  email: row.email,
  role: asRole(row.role),
  invitedBy: row.invited_by === null ? null : { userId: row.invited_by, email: row.inviter_email ?? '' },
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  state: stateOf(row, now),
})

function stateOf(row: Row, now: number): Invitation['state'] {
  if (row.used_at !== null) return 'used'
  const inviterStands = row.inviter_role === 'owner' && row.inviter_disabled_at === null
  if (row.withdrawn_at !== null || (row.invited_by !== null && !inviterStands)) return 'withdrawn'
  return row.expires_at <= now ? 'expired' : 'open'
}
