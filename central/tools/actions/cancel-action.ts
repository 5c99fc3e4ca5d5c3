import { z } from 'zod'
import { CatalogueError } from '#proto/contract/errors.ts'
import { isTerminal } from '../../domain/action.ts'
import { mayExecute } from '../../domain/principal.ts'
import { ActionView, fullView } from '../action-view.ts'
import { defineTool } from '../define.ts'

const STOP_WAIT_MS = 15_000

export const cancelAction = defineTool({
  id: 'mttrly_cancel_action',
  title: 'Cancel Action',
  description:
    'Take back a pending action, or stop a running one; of a rollout, what has not begun. Only call after explicit user confirmation.',
  scope: 'execute',
  plan: 'deployment_bro',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  meta: { 'anthropic/requiresUserInteraction': true },
  input: z.object({ action_id: z.string().max(100) }),
  output: ActionView,
  subject: ({ action_id }) => ({ resource: `cancel:${action_id}` }),
  handler: async ({ action_id }, ctx) => {
    const action = await ctx.approvals.get(ctx.workspace.id, action_id)
    const goesOn = action.state === 'succeeded' && (await ctx.rollouts.view(action)) !== undefined
    if (action.state !== 'running' && !goesOn)
      return fullView(await ctx.approvals.cancel(ctx.principal, action_id), ctx)
    if (!mayExecute(ctx.principal.role)) throw new CatalogueError('FORBIDDEN', { why: 'This role may look, not act.' })
    await ctx.rollouts.stopRollout(ctx.principal, action)
    await ctx.cancelRun(action_id)
    const wait = { enough: isTerminal, ms: STOP_WAIT_MS, signal: ctx.signal }
    return fullView(await ctx.approvals.waitFor(ctx.workspace.id, action_id, wait), ctx)
  },
})
