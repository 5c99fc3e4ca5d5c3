import { z } from 'zod'
import { reachedNow, readingsOf, SEVERITIES } from '../../domain/alerts.ts'
import { planCovers } from '../../domain/plan.ts'
import { plainText } from '../../domain/text.ts'
import { iso } from '../action-view.ts'
import type { ToolContext } from '../context.ts'
import { defineTool } from '../define.ts'
import { unhealthyOf } from '../reality/view.ts'
import { AlertView, alertView } from './get-alerts.ts'
import { statusOf } from './get-server-status.ts'
import { Health } from './server-health.ts'

/** The tools about reality need it. */
const REALITY_PLAN = 'deployment_bro'
const UNHEALTHY = 10

export const quickTriage = defineTool({
  id: 'mttrly_quick_triage',
  title: 'Quick Server Triage',
  description:
    'Get a first read-only summary of what may be wrong with a server, from what is known already and without asking its host: status, active alerts, resource use, and what its latest snapshot calls unhealthy or changed.',
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
    reality: z
      .object({
        taken_at: z.string(),
        age_s: z.int(),
        unhealthy: z.array(z.record(z.string(), z.unknown())).describe('Failed first; each with its evidence'),
        unhealthy_total: z.int(),
        changed_since_before: z.record(z.string(), z.int()).describe('Section → how many things differ'),
      })
      .nullable()
      .describe('Of the latest snapshot; null: there is none, or the plan does not cover it'),
    next_step: z.string(),
  }),
  subject: ({ server_id }) => ({ server_id, resource: 'triage' }),
  handler: async ({ server_id }, ctx) => {
    const status = await statusOf(server_id, ctx)
    const active = await ctx.fleet.alerts.list(ctx.workspace.id, { serverId: server_id, status: 'active', limit: 50 })
    const sample = status.status === 'online' ? ctx.fleet.status(server_id) : undefined
    const reached = sample ? reachedNow(readingsOf(sample)) : []
    const reality = planCovers(ctx.workspace.plan, REALITY_PLAN) ? await realityOf(server_id, ctx) : null
    const failed = reality?.unhealthy.filter(({ state }) => state === 'failed').length ?? 0
    const verdict = verdictOf(status.status, status.active_alerts, reached.length + failed)
    return {
      server_id,
      status: status.status,
      verdict,
      summary: summaryOf(status.name, verdict, { alerts: active.length, bounds: reached.length, failed }),
      alerts: active.map(alertView),
      reached_now: reached.map(({ message, ...rest }) => ({ ...rest, message: plainText(message) })),
      health: status.health,
      reality,
      next_step: NEXT[verdict],
    }
  },
})

type TriageVerdict = 'healthy' | 'attention' | 'critical' | 'unreachable'

const NEXT: Record<TriageVerdict, string> = {
  healthy: 'Nothing crosses a threshold. If something is wrong all the same, describe it to mttrly_run_diagnostic.',
  attention: 'Look at the alerts and at what is unhealthy, then let mttrly_run_diagnostic find the cause.',
  critical: 'Look at the critical alerts first, then let mttrly_run_diagnostic find the cause.',
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

function summaryOf(
  name: string,
  verdict: TriageVerdict,
  { alerts, bounds, failed }: { alerts: number; bounds: number; failed: number },
): string {
  if (verdict === 'unreachable') return `${name} is offline.`
  const broken = failed > 0 ? ` Its latest snapshot has ${failed} thing(s) that failed.` : ''
  if (alerts > 0) return `${name} is online with ${alerts} active alert(s).${broken}`
  return bounds > 0
    ? `${name} is online; its latest sample reaches ${bounds} bound(s), not yet for long enough to be an alert.${broken}`
    : `${name} is online; no threshold is crossed.${broken}`
}

/** What is kept; the host is not asked. */
async function realityOf(serverId: string, { reality, clock }: ToolContext) {
  const kept = await reality.cached(serverId)
  if (!kept) return null
  const unhealthy = unhealthyOf(kept.snapshot)
  const changed = Object.entries(kept.diff?.sections ?? {}).map(
    ([section, { came, went, changed }]): [string, number] => [section, came.length + went.length + changed.length],
  )
  return {
    taken_at: iso(kept.takenAt),
    age_s: Math.max(0, Math.round((clock.now() - kept.takenAt) / 1000)),
    unhealthy: unhealthy.slice(0, UNHEALTHY),
    unhealthy_total: unhealthy.length,
    changed_since_before: Object.fromEntries(changed.filter(([, count]) => count > 0)),
  }
}
