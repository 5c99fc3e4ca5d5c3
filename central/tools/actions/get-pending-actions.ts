import { z } from 'zod'
import { ActionView, askedView } from '../action-view.ts'
import { defineTool } from '../define.ts'

export const getPendingActions = defineTool({
  id: 'mttrly_get_pending_actions',
  title: 'Get Pending Actions',
  description:
    'List actions that wait for a person, with action_id, server, type, description and expiry. They expire after 30 minutes.',
  scope: 'execute',
  plan: 'deployment_bro',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  input: z.object({
    server_id: z.string().max(100).optional(),
    limit: z.number().int().min(1).max(100).default(50),
  }),
  output: z.object({ actions: z.array(ActionView) }),
  subject: ({ server_id }) => ({ ...(server_id && { server_id }), resource: 'actions' }),
  handler: async ({ server_id, limit }, { workspace, approvals }) => {
    const filter = { state: ['pending_approval' as const], limit, ...(server_id && { serverId: server_id }) }
    const actions = await approvals.list(workspace.id, filter)
    return { actions: await Promise.all(actions.map((action) => askedView(action, approvals))) }
  },
})
