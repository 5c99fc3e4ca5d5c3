import { z } from 'zod'
import { plainText } from '../../domain/text.ts'
import { iso } from '../action-view.ts'
import { defineTool } from '../define.ts'

export const listServers = defineTool({
  id: 'mttrly_list_servers',
  title: 'List Servers',
  description:
    'List all servers with server_id, name, online/offline status, last seen and agent version. Use mttrly_get_server_status for CPU, RAM, disk and alert counts.',
  scope: 'read',
  plan: 'watchdog',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  meta: { 'anthropic/alwaysLoad': true },
  input: z.object({}),
  output: z.object({
    servers: z.array(
      z.object({
        server_id: z.string(),
        name: z.string(),
        status: z.enum(['online', 'offline']),
        last_seen: z.string().nullable(),
        agent_version: z.string().nullable(),
      }),
    ),
  }),
  subject: () => ({ resource: 'servers' }),
  handler: async (_input, { fleet, workspace }) => {
    const servers = await fleet.list(workspace.id)
    return {
      servers: servers.map((server) => ({
        server_id: server.id,
        name: plainText(server.name),
        status: server.online ? ('online' as const) : ('offline' as const),
        last_seen: server.lastSeenAt === null ? null : iso(server.lastSeenAt),
        agent_version: server.agentVersion,
      })),
    }
  },
})
