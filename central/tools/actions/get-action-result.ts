import { z } from 'zod'
import { isTerminal } from '../../domain/action.ts'
import { ActionView, fullView, PAGE_BYTES } from '../action-view.ts'
import { defineTool } from '../define.ts'
import { WAIT } from './wait.ts'

export const getActionResult = defineTool({
  id: 'mttrly_get_action_result',
  title: 'Get Action Result',
  description: 'Get the state, result and output of an action by its action_id. Pages through long output with offset.',
  scope: 'execute',
  plan: 'deployment_bro',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  input: z.object({
    action_id: z.string().max(100),
    offset: z.number().int().min(0).default(0).describe('Byte offset into the output'),
    max_bytes: z.number().int().min(4).max(200_000).default(PAGE_BYTES),
    wait_s: WAIT.default(0).describe('Wait up to this long for the end'),
  }),
  output: ActionView,
  subject: ({ action_id }) => ({ resource: `action:${action_id}` }),
  handler: async ({ action_id, offset, max_bytes, wait_s }, ctx) => {
    const wait = { enough: isTerminal, ms: wait_s * 1000, signal: ctx.signal }
    const action = await ctx.approvals.waitFor(ctx.workspace.id, action_id, wait)
    return fullView(action, ctx, { offset, limit: max_bytes })
  },
})
