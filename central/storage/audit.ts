// Audit lines: append-only, one chain a workspace. (workspace_id, seq) is the primary key, so that two writers can
// never fork a chain: the second insert fails and is made anew on the new head.
import type { Database } from './database.ts'
import { type Prepared, prepare } from './prepared.ts'
import type { Schema } from './schema.ts'

export type AuditRow = Schema['audit_lines']
export type AuditHead = { seq: number; hash: string }
export type Checkpoint = Schema['audit_checkpoints']

const AT_ONCE = 50
const COLUMNS = ['workspace_id', 'seq', 'at', 'server_id', 'call_id', 'prev_hash', 'hash', 'body'] as const

export function createAuditStore(db: Database) {
  const { kysely } = db
  /** By the number of rows. */
  const inserts = new Map<number, Prepared>()

  function insertOf(count: number): Prepared {
    const known = inserts.get(count)
    if (known) return known
    const row = Object.fromEntries(COLUMNS.map((name) => [name, ''])) as never
    const made = prepare(kysely.insertInto('audit_lines').values(Array(count).fill(row)))
    inserts.set(count, made)
    return made
  }

  return {
    async head(workspaceId: string): Promise<AuditHead | undefined> {
      return kysely
        .selectFrom('audit_lines')
        .select(['seq', 'hash'])
        .where('workspace_id', '=', workspaceId)
        .orderBy('seq', 'desc')
        .limit(1)
        .executeTakeFirst()
    },

    /** All rows or none; durable when it resolves. */
    async append(rows: readonly AuditRow[]): Promise<void> {
      await db.transaction(async (tx) => {
        for (let at = 0; at < rows.length; at += AT_ONCE) {
          const some = rows.slice(at, at + AT_ONCE)
          await tx.kysely.executeQuery(insertOf(some.length)(some.flatMap((row) => COLUMNS.map((name) => row[name]))))
        }
      })
    },

    /** Newest first. */
    async list(workspaceId: string, filter: { serverId?: string; before?: number; since?: number; limit: number }) {
      let query = kysely.selectFrom('audit_lines').selectAll().where('workspace_id', '=', workspaceId)
      if (filter.serverId) query = query.where('server_id', '=', filter.serverId)
      if (filter.before) query = query.where('seq', '<', filter.before)
      if (filter.since) query = query.where('at', '>=', filter.since)
      return query.orderBy('seq', 'desc').limit(filter.limit).execute()
    },

    /** In order of seq, from `after` on. */
    async chain(workspaceId: string, after: number, limit: number): Promise<AuditRow[]> {
      return kysely
        .selectFrom('audit_lines')
        .selectAll()
        .where('workspace_id', '=', workspaceId)
        .where('seq', '>', after)
        .orderBy('seq')
        .limit(limit)
        .execute()
    },

    async addCheckpoint(checkpoint: Checkpoint): Promise<void> {
      await kysely.insertInto('audit_checkpoints').values(checkpoint).execute()
    },

    async checkpoints(workspaceId: string): Promise<Checkpoint[]> {
      return kysely
        .selectFrom('audit_checkpoints')
        .selectAll()
        .where('workspace_id', '=', workspaceId)
        .orderBy('seq')
        .execute()
    },
  }
}

export type AuditStore = ReturnType<typeof createAuditStore>
