import { z } from 'zod'
import { CatalogueError } from '#proto/contract/errors.ts'
import { plainText } from '../../domain/text.ts'
import { iso } from '../action-view.ts'
import type { ToolContext } from '../context.ts'
import { defineTool } from '../define.ts'
import { Health, healthOf } from './server-health.ts'

export const getServerStatus = defineTool({
  id: 'mttrly_get_server_status',
  title: 'Get Server Status',
  description:
    'Get the health of one server: CPU, RAM, disks, load, uptime, active alerts, and how its lanes are contained.',
  scope: 'read',
  plan: 'watchdog',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  input: z.object({ server_id: z.string().max(100).describe('From mttrly_list_servers') }),
  output: z.object({
    server_id: z.string(),
    name: z.string(),
    status: z.enum(['online', 'offline']),
    last_seen: z.string().nullable(),
    agent_version: z.string().nullable(),
    health: Health.nullable().describe('null while no heartbeat is known'),
    active_alerts: z.object({ info: z.number(), warning: z.number(), critical: z.number() }),
    lanes: z.array(z.object({ name: z.string(), isolation: z.string() })),
    approvals: z
      .enum(['central', 'signed'])
      .describe('signed: runs only what an approver that its own policy names has signed'),
  }),
  subject: ({ server_id }) => ({ server_id, resource: 'status' }),
  handler: async ({ server_id }, ctx) => statusOf(server_id, ctx),
})

export async function statusOf(serverId: string, { fleet, workspace }: ToolContext) {
  const server = await fleet.get(workspace.id, serverId)
  if (!server) throw new CatalogueError('SERVER_NOT_FOUND')
  const sample = fleet.status(serverId)
  const active = await fleet.alerts.list(workspace.id, { serverId, status: 'active', limit: 500 })
  const count = (severity: string) => active.filter((alert) => alert.severity === severity).length
  return {
    server_id: server.id,
    name: plainText(server.name),
    status: server.online ? ('online' as const) : ('offline' as const),
    last_seen: server.lastSeenAt === null ? null : iso(server.lastSeenAt),
    agent_version: server.agentVersion,
    health: sample ? healthOf(sample) : null,
    active_alerts: { info: count('info'), warning: count('warning'), critical: count('critical') },
    lanes: server.lanes.map(({ name, isolation }) => ({ name, isolation })),
    approvals: server.approvers ? ('signed' as const) : ('central' as const),
  }
}
