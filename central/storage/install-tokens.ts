// Install tokens, by the SHA-256 of their secret. Each works once: taking one is a compare-and-set.
import type { Database } from './database.ts'
import type { Schema } from './schema.ts'

export type InstallTokensStore = ReturnType<typeof createInstallTokensStore>

/** `serverId` is set when the token re-enrols a known server. */
export type InstallTokenRecord = {
  hash: string
  workspaceId: string
  serverId: string | null
  createdBy: string
  createdAt: number
  expiresAt: number
}

export function createInstallTokensStore(db: Database) {
  const { kysely } = db
  return {
    async insert(token: InstallTokenRecord): Promise<void> {
      await kysely
        .insertInto('install_tokens')
        .values({
          hash: token.hash,
          workspace_id: token.workspaceId,
          server_id: token.serverId,
          created_by: token.createdBy,
          created_at: token.createdAt,
          expires_at: token.expiresAt,
          used_at: null,
        })
        .execute()
    },

    /** Only one that could be taken now. */
    async peek(hash: string, now: number): Promise<InstallTokenRecord | undefined> {
      const row = await kysely
        .selectFrom('install_tokens')
        .selectAll()
        .where('hash', '=', hash)
        .where('used_at', 'is', null)
        .where('expires_at', '>', now)
        .executeTakeFirst()
      return row && fromRow(row)
    },

    /** False when it is unknown, expired, or somebody else was first. */
    async take(hash: string, now: number): Promise<boolean> {
      const changed = await kysely
        .updateTable('install_tokens')
        .set({ used_at: now })
        .where('hash', '=', hash)
        .where('used_at', 'is', null)
        .where('expires_at', '>', now)
        .executeTakeFirst()
      return changed.numUpdatedRows === 1n
    },

    /** Those of a server that nobody has used yet stop working. */
    async withdraw(serverId: string, now: number): Promise<void> {
      await kysely
        .updateTable('install_tokens')
        .set({ used_at: now })
        .where('server_id', '=', serverId)
        .where('used_at', 'is', null)
        .execute()
    },

    async prune(before: number): Promise<void> {
      await kysely.deleteFrom('install_tokens').where('expires_at', '<', before).execute()
    },
  }
}

const fromRow = (row: Schema['install_tokens']): InstallTokenRecord => ({
  hash: row.hash,
  workspaceId: row.workspace_id,
  serverId: row.server_id,
  createdBy: row.created_by,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
})
