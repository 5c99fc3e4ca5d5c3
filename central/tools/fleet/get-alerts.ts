import { z } from 'zod'
import { plainText } from '../../domain/text.ts'
import { iso } from '../action-view.ts'
import { defineTool } from '../define.ts'

const DAY = 24 * 3_600_000

export const AlertView = z.object({
  alert_id: z.string(),
  kind: z.string(),
  severity: z.enum(['info', 'warning', 'critical']),
  status: z.enum(['active', 'resolved']),
  message: z.string(),
  value: z.number().nullable(),
  raised_at: z.string(),
  resolved_at: z.string().nullable(),
})

type Alert = {
  id: string
  kind: string
  severity: 'info' | 'warning' | 'critical'
  status: 'active' | 'resolved'
  message: string
  value: number | null
  raised_at: number
  resolved_at: number | null
}

export const alertView = (alert: Alert): z.infer<typeof AlertView> => ({
  alert_id: alert.id,
  kind: alert.kind,
  severity: alert.severity,
  status: alert.status,
  message: plainText(alert.message),
  value: alert.value,
  raised_at: iso(alert.raised_at),
  resolved_at: alert.resolved_at === null ? null : iso(alert.resolved_at),
})

export const getAlerts = defineTool({
  id: 'mttrly_get_alerts',
  title: 'Get Server Alerts',
  description:
    'Get alerts of a server, newest first, filtered by severity and status. The plan limits how far back they go.',
  scope: 'read',
  plan: 'watchdog',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  input: z.object({
    server_id: z.string().max(100).describe('From mttrly_list_servers'),
    severity: z.enum(['info', 'warning', 'critical']).optional(),
    status: z.enum(['active', 'resolved']).optional(),
    limit: z.number().int().min(1).max(200).default(50),
  }),
  output: z.object({ alerts: z.array(AlertView), retention_days: z.number() }),
  subject: ({ server_id }) => ({ server_id, resource: 'alerts' }),
  handler: async ({ server_id, severity, status, limit }, { fleet, workspace, clock }) => {
    const days = workspace.limits.log_retention_days
    const alerts = await fleet.alerts.list(workspace.id, {
      serverId: server_id,
      since: clock.now() - days * DAY,
      limit,
      ...(severity && { severity }),
      ...(status && { status }),
    })
    return { alerts: alerts.map(alertView), retention_days: days }
  },
})
