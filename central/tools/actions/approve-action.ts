import { z } from 'zod'
import { CatalogueError } from '#proto/contract/errors.ts'
import { type Action, isTerminal } from '../../domain/action.ts'
import { plainText } from '../../domain/text.ts'
import { ActionView, fullView } from '../action-view.ts'
import type { ToolContext } from '../context.ts'
import { defineTool } from '../define.ts'
import { WAIT } from './wait.ts'

const input = z.object({
  action_id: z.string().max(100),
  decision: z.enum(['approve', 'reject']),
  wait_s: WAIT.default(40).describe('How long to wait for the person and for the result'),
})

export const approveAction = defineTool({
  id: 'mttrly_approve_action',
  title: 'Approve or Reject Action',
  description:
    "Ask the person to approve a pending action, or reject it. Only call after explicit user confirmation. Approval itself happens on Central's page with a second factor; this waits for it and for the result.",
  scope: 'execute',
  plan: 'deployment_bro',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
  meta: { 'anthropic/requiresUserInteraction': true },
  input,
  output: ActionView,
  subject: ({ action_id, decision }) => ({ resource: `${decision}:${action_id}` }),
  handler: async ({ action_id, decision, wait_s }, ctx) => {
    if (decision === 'reject') return fullView(await ctx.approvals.cancel(ctx.principal, action_id), ctx)
    const action = await pendingOrOn(action_id, ctx)
    if (action.state === 'pending_approval' && ctx.canElicitUrl && !ctx.elicited) {
      return {
        needsPerson: {
          url: ctx.approvals.urlOf(action_id),
          message: `${await wishFor(action, ctx)}: ${plainText(action.words.title)}`,
        },
      }
    }
    if (ctx.elicited === 'decline') return fullView(action, ctx)
    ctx.progress('Waiting for a person to decide')
    const wait = { enough: isTerminal, ms: wait_s * 1000, signal: ctx.signal }
    return fullView(await ctx.approvals.waitFor(ctx.workspace.id, action_id, wait), ctx)
  },
})

const wishFor = async (action: Action, { approvals }: ToolContext): Promise<string> =>
  (await approvals.needsSignature(action))
    ? `Sign (with a passkey that the server names, or \`npm run approver -- sign ${action.id}\`) or reject`
    : 'Approve or reject'

/** What is over cannot be approved; what runs can still be waited for. */
async function pendingOrOn(actionId: string, ctx: ToolContext): Promise<Action> {
  const action = await ctx.approvals.get(ctx.workspace.id, actionId)
  if (action.state === 'expired') throw new CatalogueError('ACTION_EXPIRED', { action_id: actionId })
  if (action.state === 'rejected' || action.state === 'cancelled' || action.state === 'notification_failed') {
    throw new CatalogueError('ACTION_NOT_FOUND', { action_id: actionId, status: action.state })
  }
  return action
}
