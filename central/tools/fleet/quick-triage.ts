import { z } from 'zod'
import { reachedNow, readingsOf, SEVERITIES } from '../../domain/alerts.ts'
import { plainText } from '../../domain/text.ts'
import { defineTool } from '../define.ts'
import { AlertView, alertView } from './get-alerts.ts'
import { statusOf } from './get-server-status.ts'
import { Health } from './server-health.ts'

export const quickTriage = defineTool({
  id: 'mttrly_quick_triage',
  title: 'Quick Server Triage',
  description:
    'Get a first read-only summary of what may be wrong with a server: status, active alerts and resource use.',
  scope: 'read',
  plan: 'watchdog',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  input: z.object({ server_id: z.string().max(100).describe('From mttrly_list_servers') }),
  output: z.object({
    server_id: z.string(),
    status: z.enum(['online', 'offline']),
    verdict: z.enum(['healthy', 'attention', 'critical', 'unreachable']),
    summary: z.string(),
    alerts: z.array(AlertView),
    reached_now: z
      .array(z.object({ kind: z.string(), severity: z.enum(SEVERITIES), message: z.string() }))
      .describe('Bounds that the latest sample reaches; it becomes an alert when it lasts'),
    health: Health.nullable(),
    next_step: z.string(),
  }),
  subject: ({ server_id }) => ({ server_id, resource: 'triage' }),
  handler: async ({ server_id }, ctx) => {
    const status = await statusOf(server_id, ctx)
    const active = await ctx.fleet.alerts.list(ctx.workspace.id, { serverId: server_id, status: 'active', limit: 50 })
    const sample = status.status === 'online' ? ctx.fleet.status(server_id) : undefined
    const reached = sample ? reachedNow(readingsOf(sample)) : []
    const verdict = verdictOf(status.status, status.active_alerts, reached.length)
    return {
      server_id,
      status: status.status,
      verdict,
      summary: summaryOf(status.name, verdict, active.length, reached.length),
      alerts: active.map(alertView),
      reached_now: reached.map(({ message, ...rest }) => ({ ...rest, message: plainText(message) })),
      health: status.health,
      next_step: NEXT[verdict],
    }
  },
})

type TriageVerdict = 'healthy' | 'attention' | 'critical' | 'unreachable'

const NEXT: Record<TriageVerdict, string> = {
  healthy: 'Nothing crosses a threshold. If something is wrong all the same, look closer with mttrly_execute_command.',
  attention: 'Look at the alerts, then at the host with a read-only mttrly_execute_command (for example df, ps, ss).',
  critical: 'Look at the critical alerts first, then at the host with a read-only mttrly_execute_command.',
  unreachable:
    'The agent is not connected; the numbers are the last known. mttrly_get_install_health says how to get it back.',
}

function verdictOf(
  status: 'online' | 'offline',
  alerts: { info: number; warning: number; critical: number },
  bounds: number,
): TriageVerdict {
  if (status === 'offline') return 'unreachable'
  if (alerts.critical > 0) return 'critical'
  return alerts.warning + bounds > 0 ? 'attention' : 'healthy'
}

function summaryOf(name: string, verdict: TriageVerdict, alerts: number, bounds: number): string {
  if (verdict === 'unreachable') return `${name} is offline.`
  if (alerts > 0) return `${name} is online with ${alerts} active alert(s).`
  return bounds > 0
    ? `${name} is online; its latest sample reaches ${bounds} bound(s), not yet for long enough to be an alert.`
    : `${name} is online; no threshold is crossed.`
}
