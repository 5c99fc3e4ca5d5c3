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

/** `since`: raised then or later, or still active. `after`: the last alert of the page before. */
export type AlertFilter = {
  serverId?: string
  severity?: readonly Severity[]
  status?: AlertStatus
  since?: number
  after?: Pick<Alert, 'raisedAt' | 'id'>
  limit: number
}

const Words = z.object({ kind: z.enum(ALERT_KINDS), severity: z.enum(SEVERITIES), status: z.enum(ALERT_STATUSES) })

export function createAlertsStore(db: Database) {
  const { kysely } = db
  return {
    async save(alert: Alert): Promise<void> {
      const row = toRow(alert)
      const { severity, status, message, value, resolved_at } = row
      await kysely
        .insertInto('alerts')
        .values(row)
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
      if (severity) query = query.where('severity', 'in', severity)
      if (status) query = query.where('status', '=', status)
      if (since !== undefined) {
        query = query.where((eb) => eb.or([eb('raised_at', '>=', since), eb('status', '=', 'active')]))
      }
      if (after) {
        query = query.where((eb) =>
          eb.or([
            eb('raised_at', '<', after.raisedAt),
            eb.and([eb('raised_at', '=', after.raisedAt), eb('id', '<', after.id)]),
          ]),
        )
      }
      const rows = await query.orderBy('raised_at', 'desc').orderBy('id', 'desc').limit(limit).execute()
      return rows.map(fromRow)
    },

    /** Active ones of a server, by severity. */
    async counts(serverId: string): Promise<Record<Severity, number>> {
      const rows = await kysely
        .selectFrom('alerts')
        .select((eb) => ['severity', eb.fn.countAll().as('n')])
        .where('server_id', '=', serverId)
        .where('status', '=', 'active')
        .groupBy('severity')
        .execute()
      const counts = { info: 0, warning: 0, critical: 0 }
      for (const row of rows) counts[Words.shape.severity.parse(row.severity)] = Number(row.n)
      return counts
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

const toRow = (alert: Alert): Schema['alerts'] => ({
  id: alert.id,
  workspace_id: alert.workspaceId,
  server_id: alert.serverId,
  kind: alert.kind,
  severity: alert.severity,
  status: alert.status,
  message: alert.message,
  value: alert.value,
  raised_at: alert.raisedAt,
  resolved_at: alert.resolvedAt,
})

const fromRow = (row: Schema['alerts']): Alert => ({
  id: row.id,
  workspaceId: row.workspace_id,
  serverId: row.server_id,
  ...Words.parse(row),
  message: row.message,
  value: row.value,
  raisedAt: row.raised_at,
  resolvedAt: row.resolved_at,
})
