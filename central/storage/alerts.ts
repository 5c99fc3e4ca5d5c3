// Alerts: one row from raised to resolved. Saving is idempotent by id, so that what a dead database refused is saved later.
import { z } from 'zod'
import {
  ALERT_KINDS,
  ALERT_STATUSES,
  type Alert,
  type AlertStatus,
  SEVERITIES,
  type Severity,
} from '../domain/alerts.ts'
import type { Database } from './database.ts'
import type { Schema } from './schema.ts'

export type AlertsStore = ReturnType<typeof createAlertsStore>

/** `since`: raised then or later, or still active. `after`: id of the last alert of the page before. */
export type AlertFilter = {
  serverId?: string
  severity?: Severity
  status?: AlertStatus
  since?: number
  after?: string
  limit: number
}

const Words = z.object({ kind: z.enum(ALERT_KINDS), severity: z.enum(SEVERITIES), status: z.enum(ALERT_STATUSES) })

export function createAlertsStore(db: Database) {
  const { kysely } = db
  return {
    async save(alert: Alert): Promise<void> {
      const { severity, status, message, value, resolved_at } = alert
      await kysely
        .insertInto('alerts')
        .values(alert)
        .onConflict((conflict) => conflict.column('id').doUpdateSet({ severity, status, message, value, resolved_at }))
        .execute()
    },

    /** Of every workspace, or of one server. */
    async active(serverId?: string): Promise<Alert[]> {
      let query = kysely.selectFrom('alerts').selectAll().where('status', '=', 'active')
      if (serverId) query = query.where('server_id', '=', serverId)
      return (await query.execute()).map(fromRow)
    },

    /** Newest first. */
    async list(
      workspaceId: string,
      { serverId, severity, status, since, after, limit }: AlertFilter,
    ): Promise<Alert[]> {
      let query = kysely.selectFrom('alerts').selectAll().where('workspace_id', '=', workspaceId)
      if (serverId) query = query.where('server_id', '=', serverId)
      if (severity) query = query.where('severity', '=', severity)
      if (status) query = query.where('status', '=', status)
      if (since !== undefined) {
        query = query.where((eb) => eb.or([eb('raised_at', '>=', since), eb('status', '=', 'active')]))
      }
      if (after) {
        const last = kysely.selectFrom('alerts').select('raised_at').where('id', '=', after)
        query = query.where((eb) =>
          eb.or([eb('raised_at', '<', last), eb.and([eb('raised_at', '=', last), eb('id', '<', after)])]),
        )
      }
      const rows = await query.orderBy('raised_at', 'desc').orderBy('id', 'desc').limit(limit).execute()
      return rows.map(fromRow)
    },

    async resolveAll(serverId: string, at: number): Promise<void> {
      await kysely
        .updateTable('alerts')
        .set({ status: 'resolved', resolved_at: at })
        .where('server_id', '=', serverId)
        .where('status', '=', 'active')
        .execute()
    },
  }
}

const fromRow = (row: Schema['alerts']): Alert => ({ ...row, ...Words.parse(row) })
