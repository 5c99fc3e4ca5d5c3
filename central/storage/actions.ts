// Actions and their output. Every change of state is a compare-and-set: two who race cannot both win.
import type { Action, ActionOutcome, ActionState, Requester } from '../domain/action.ts'
import type { Database } from './database.ts'
import type { Schema } from './schema.ts'

/** The signed grant as it went, or will go, to the agent. base64 fields. */
export type StoredGrant = { grant: string; signature: string; key_id: string; start_before: number }

export type ActionPatch = {
  decision?: Action['decision']
  granted?: StoredGrant
  started_at?: number
  finished_at?: number
  outcome?: ActionOutcome
}

export type ActionFilter = { state?: readonly ActionState[]; serverId?: string; limit: number; before?: number }

const OUTPUT_ROW = 64 * 1024

export function createActionsStore(db: Database) {
  const { kysely } = db

  return {
    /** False when its server has a part in the same rollout already. */
    async insert(action: Action): Promise<boolean> {
      const { numInsertedOrUpdatedRows } = await kysely
        .insertInto('actions')
        .values(toRow(action))
        .onConflict((conflict) => conflict.columns(['parent_id', 'server_id']).doNothing())
        .executeTakeFirstOrThrow()
      return numInsertedOrUpdatedRows === 1n
    },

    async get(id: string): Promise<Action | undefined> {
      const row = await kysely.selectFrom('actions').selectAll().where('id', '=', id).executeTakeFirst()
      return row && fromRow(row)
    },

    async granted(id: string): Promise<StoredGrant | undefined> {
      const row = await kysely.selectFrom('actions').select('granted').where('id', '=', id).executeTakeFirst()
      return row?.granted ? (JSON.parse(row.granted) as StoredGrant) : undefined
    },

    /** Newest first; `before` is a created_at to go on from. */
    async list(workspaceId: string, filter: ActionFilter): Promise<Action[]> {
      let query = kysely.selectFrom('actions').selectAll().where('workspace_id', '=', workspaceId)
      if (filter.state) query = query.where('state', 'in', filter.state)
      if (filter.serverId) query = query.where('server_id', '=', filter.serverId)
      if (filter.before) query = query.where('created_at', '<', filter.before)
      const rows = await query.orderBy('created_at', 'desc').orderBy('id').limit(filter.limit).execute()
      return rows.map(fromRow)
    },

    /** Of every workspace, for start-up and the expiry sweep; `server_id` narrows it. */
    async inState(states: readonly ActionState[], serverId?: string): Promise<Action[]> {
      let query = kysely.selectFrom('actions').selectAll().where('state', 'in', states)
      if (serverId) query = query.where('server_id', '=', serverId)
      return (await query.orderBy('created_at').execute()).map(fromRow)
    },

    /** What runs on the strength of this action's approval, in the order in which it began. */
    async children(parentId: string): Promise<Action[]> {
      const rows = await kysely
        .selectFrom('actions')
        .selectAll()
        .where('parent_id', '=', parentId)
        .orderBy('created_at')
        .orderBy('id')
        .execute()
      return rows.map(fromRow)
    },

    /** Updates that a person approved and that have succeeded since then: those that others may follow. */
    async updatesSince(finishedAfter: number): Promise<Action[]> {
      const rows = await kysely
        .selectFrom('actions')
        .selectAll()
        .where('state', '=', 'succeeded')
        .where('kind', '=', 'update_agent')
        .where('parent_id', 'is', null)
        .where('finished_at', '>', finishedAfter)
        .execute()
      return rows.map(fromRow)
    },

    /** Moves the action if it is in `from`; false when somebody else was first. */
    async move(id: string, from: ActionState, to: ActionState, patch: ActionPatch = {}): Promise<boolean> {
      const changed = await kysely
        .updateTable('actions')
        .set({
          state: to,
          ...(patch.decision && { decision: JSON.stringify(patch.decision) }),
          ...(patch.granted && { granted: JSON.stringify(patch.granted) }),
          ...(patch.started_at !== undefined && { started_at: patch.started_at }),
          ...(patch.finished_at !== undefined && { finished_at: patch.finished_at }),
          ...(patch.outcome && { outcome: JSON.stringify(patch.outcome) }),
        })
        .where('id', '=', id)
        .where('state', '=', from)
        .executeTakeFirst()
      return changed.numUpdatedRows === 1n
    },

    /** Who asked for what still waits for a decision. */
    async pendingRequesters(workspaceId: string, now: number): Promise<Requester[]> {
      const rows = await kysely
        .selectFrom('actions')
        .select('requester')
        .where('workspace_id', '=', workspaceId)
        .where('state', '=', 'pending_approval')
        .where('expires_at', '>', now)
        .execute()
      return rows.map(({ requester }) => JSON.parse(requester) as Requester)
    },

    /** Pending actions whose time is over. */
    async due(now: number): Promise<Action[]> {
      const rows = await kysely
        .selectFrom('actions')
        .selectAll()
        .where('state', '=', 'pending_approval')
        .where('expires_at', '<=', now)
        .execute()
      return rows.map(fromRow)
    },

    /** Appends redacted output; bytes that are there already are skipped, so that resending is harmless. */
    async appendOutput(actionId: string, offset: number, data: Buffer): Promise<void> {
      const end = await outputEnd(actionId)
      const fresh = data.subarray(Math.max(0, end - offset))
      if (fresh.length === 0) return
      if (offset > end) throw new RangeError(`output of ${actionId} has a gap: ${end} to ${offset}`)
      const rows = []
      for (let at = 0; at < fresh.length; at += OUTPUT_ROW) {
        rows.push({ action_id: actionId, start_offset: end + at, data: fresh.subarray(at, at + OUTPUT_ROW) })
      }
      await kysely.insertInto('action_output').values(rows).execute()
    },

    outputEnd,

    /** Up to `limit` bytes from `from`. */
    async readOutput(actionId: string, from: number, limit: number): Promise<Buffer> {
      const rows = await kysely
        .selectFrom('action_output')
        .select(['start_offset', 'data'])
        .where('action_id', '=', actionId)
        .where('start_offset', '>', from - OUTPUT_ROW)
        .where('start_offset', '<', from + limit)
        .orderBy('start_offset')
        .execute()
      const parts = rows.map((row) => {
        const data = Buffer.from(row.data)
        return data.subarray(Math.max(0, from - row.start_offset), Math.max(0, from + limit - row.start_offset))
      })
      return Buffer.concat(parts)
    },
  }

  async function outputEnd(actionId: string): Promise<number> {
    const last = await kysely
      .selectFrom('action_output')
      .select(['start_offset', 'data'])
      .where('action_id', '=', actionId)
      .orderBy('start_offset', 'desc')
      .limit(1)
      .executeTakeFirst()
    return last ? last.start_offset + last.data.length : 0
  }
}

export type ActionsStore = ReturnType<typeof createActionsStore>

function toRow(action: Action): Schema['actions'] {
  return {
    id: action.id,
    workspace_id: action.workspace_id,
    server_id: action.server_id,
    parent_id: action.parent_id,
    kind: action.spec.kind,
    canonical: action.canonical,
    digest: action.digest,
    words: JSON.stringify(action.words),
    state: action.state,
    requester: JSON.stringify(action.requester),
    created_at: action.created_at,
    expires_at: action.expires_at,
    decision: action.decision && JSON.stringify(action.decision),
    granted: null,
    started_at: action.started_at,
    finished_at: action.finished_at,
    outcome: action.outcome && JSON.stringify(action.outcome),
  }
}

function fromRow(row: Schema['actions']): Action {
  return {
    id: row.id,
    workspace_id: row.workspace_id,
    server_id: row.server_id,
    parent_id: row.parent_id,
    spec: JSON.parse(row.canonical),
    canonical: row.canonical,
    digest: row.digest,
    words: JSON.parse(row.words),
    state: row.state as ActionState,
    requester: JSON.parse(row.requester),
    created_at: row.created_at,
    expires_at: row.expires_at,
    decision: row.decision && JSON.parse(row.decision),
    started_at: row.started_at,
    finished_at: row.finished_at,
    outcome: row.outcome && JSON.parse(row.outcome),
  }
}
