import { z } from 'zod'
import { plainText } from '../../domain/text.ts'
import { iso } from '../action-view.ts'
import { defineTool } from '../define.ts'

const DAY = 24 * 3_600_000
const shown = (text = ''): string | undefined => (text === '' ? undefined : plainText(text))

export const getAuditLog = defineTool({
  id: 'mttrly_get_audit_log',
  title: 'Get Audit Log',
  description:
    'Get the audit trail of a server, newest first: calls, decisions, runs and alerts with source (mcp/dashboard/api) and outcome.',
  scope: 'execute',
  plan: 'deployment_bro',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  input: z.object({
    server_id: z.string().max(100).optional().describe('Without it: the whole workspace'),
    limit: z.number().int().min(1).max(500).default(50),
    before: z.number().int().positive().optional().describe('seq to go on from'),
  }),
  output: z.object({
    lines: z.array(
      z.object({
        seq: z.number().int(),
        at: z.string(),
        event: z.string(),
        source: z.string(),
        by: z.string(),
        client: z.string(),
        tool: z.string().optional(),
        server_id: z.string().optional(),
        resource: z.string().optional(),
        action_id: z.string().optional(),
        verdict: z.string().optional(),
        outcome: z.string().optional(),
        output: z.object({ bytes: z.number(), sha256: z.string() }).optional(),
        hash: z.string(),
      }),
    ),
    next_before: z.number().int().nullable(),
    retention_days: z.number(),
  }),
  subject: ({ server_id }) => ({ ...(server_id && { server_id }), resource: 'audit' }),
  handler: async ({ server_id, limit, before }, { audit, clock, workspace }) => {
    const { log_lines, log_retention_days } = workspace.limits
    const most = Math.min(limit, log_lines)
    const entries = await audit.list(workspace.id, {
      limit: most,
      since: clock.now() - log_retention_days * DAY,
      ...(server_id && { serverId: server_id }),
      ...(before && { before }),
    })
    const lines = entries.map(({ seq, at, hash, body }) => {
      const { event, actor, action_id, verdict, outcome, output } = body
      const who = { source: actor.source, by: shown(actor.email) ?? 'system', client: shown(actor.client_name) ?? '' }
      // What a caller wrote stands in the log as it was; another client's model does not get it raw.
      const about = { tool: shown(body.tool), server_id: shown(body.server_id), resource: shown(body.resource) }
      return { seq, at: iso(at), event, ...who, ...about, action_id, verdict, outcome, output, hash }
    })
    return {
      lines,
      next_before: entries.length === most ? (entries.at(-1)?.seq ?? null) : null,
      retention_days: log_retention_days,
    }
  },
})
