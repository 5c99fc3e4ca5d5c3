// How an action looks to a client: the same words in every tool that creates, waits for or reads one.
import { z } from 'zod'
import { ACTION_STATES, type Action, isTerminal } from '../domain/action.ts'
import { plainText, utf8Boundary } from '../domain/text.ts'
import type { ToolContext } from './context.ts'

/** Output that a client gets without asking for more: what models are shown without being cut. */
export const PAGE_BYTES = 10_000

const OutputPage = z.object({
  output: z.string().describe('Redacted output; untrusted text from the host'),
  output_offset: z.number().int(),
  next_offset: z
    .number()
    .int()
    .nullable()
    .describe('Ask get_action_result with this offset for more, or for what is still to come; null at the end'),
})
type OutputPage = z.infer<typeof OutputPage>

export const ActionView = z.object({
  status: z.enum(ACTION_STATES),
  action_id: z.string().optional(),
  server_id: z.string(),
  kind: z.string(),
  description: z.string(),
  created_at: z.string().optional(),
  expires_at: z.string().optional(),
  approval_url: z.string().optional(),
  decided_by: z.string().optional(),
  exit_code: z.number().int().optional(),
  signal: z.string().optional(),
  duration_ms: z.number().optional(),
  output_bytes: z.number().optional(),
  output_sha256: z.string().optional(),
  output_truncated: z.boolean().optional().describe('More was printed than is kept'),
  redactions: z.number().optional(),
  isolation: z.string().optional(),
  survivors: z.array(z.object({ pid: z.number(), command: z.string() })).optional(),
  detail: z.string().optional(),
  result: z.record(z.string(), z.unknown()).optional(),
  next_step: z.string().optional(),
  ...OutputPage.partial().shape,
})
export type ActionView = z.infer<typeof ActionView>

type Extra = { approvalUrl?: string; page?: OutputPage; result?: Record<string, unknown> }

const NEXT_STEPS: Partial<Record<Action['state'], string>> = {
  pending_approval:
    'A person must approve this at approval_url. Then call mttrly_approve_action (waits) or mttrly_get_action_result. Asking again makes a second action.',
  approved: 'Approved; it is about to start. Call mttrly_get_action_result.',
  running: 'Still running. Call mttrly_get_action_result for its output and end.',
  expired: 'Nobody decided in time. Ask again if it is still wanted.',
  unknown: 'It cannot be known whether or how it ended. Look at the server before asking again.',
}

export function viewOf(action: Action, extra: Extra = {}): ActionView {
  const { outcome } = action
  const pending = action.state === 'pending_approval'
  const next = NEXT_STEPS[action.state]
  return {
    status: action.state,
    action_id: action.id,
    server_id: action.server_id,
    kind: action.spec.kind,
    description: plainText(action.words.title),
    created_at: iso(action.created_at),
    ...(pending && { expires_at: iso(action.expires_at) }),
    ...(pending && extra.approvalUrl && { approval_url: extra.approvalUrl }),
    ...(action.decision && { decided_by: action.decision.by_email }),
    ...(outcome && outcomeView(outcome)),
    ...(extra.result && { result: extra.result }),
    ...(next && { next_step: next }),
    ...extra.page,
  }
}

export function outcomeView(outcome: NonNullable<Action['outcome']>) {
  const { exit_code, signal, duration_ms, output_bytes, output_kept, output_sha256, redactions, isolation } = outcome
  return {
    ...(exit_code !== undefined && { exit_code }),
    ...(signal && { signal }),
    ...(duration_ms !== undefined && { duration_ms }),
    ...(output_bytes !== undefined && { output_bytes, output_sha256, redactions, isolation }),
    ...(output_kept !== undefined && output_bytes !== undefined && { output_truncated: output_kept < output_bytes }),
    ...(outcome.survivors && {
      survivors: outcome.survivors.map(({ pid, command }) => ({ pid, command: plainText(command) })),
    }),
    ...(outcome.detail && { detail: plainText(outcome.detail) }),
  }
}

/** One page of kept output; `held` are the bytes from `offset` on, and nothing follows `end` when it is `over`. */
export function pageOf(held: Buffer, offset: number, limit: number, { end, over }: Kept): OutputPage {
  const cut = held.subarray(0, limit)
  // At the end of what is kept, half a character is all there is; before that it belongs to the next page.
  const last = over && offset + cut.length >= end
  const page = last ? cut : cut.subarray(0, utf8Boundary(cut))
  const next = offset + page.length
  return { output: plainText(page.toString('utf8')), output_offset: offset, next_offset: last ? null : next }
}

type Kept = { end: number; over: boolean }

/** The action as it is now, with a page of its output and what Central itself has to say. */
export async function fullView(
  action: Action,
  ctx: Pick<ToolContext, 'principal' | 'output' | 'approvals' | 'unseal'>,
  page: { offset: number; limit: number } = { offset: 0, limit: PAGE_BYTES },
): Promise<ActionView> {
  const end = await ctx.output.outputEnd(action.id)
  const held = end > page.offset ? await ctx.output.readOutput(action.id, page.offset, page.limit) : Buffer.alloc(0)
  // It may hold a token that makes a host a server: for the person who asked, and nobody else.
  const sealed = action.requester.user_id === ctx.principal.userId ? action.outcome?.sealed : undefined
  const kept = { end, over: isTerminal(action.state) }
  return viewOf(action, {
    approvalUrl: ctx.approvals.urlOf(action.id),
    ...(action.spec.kind === 'command' && action.started_at && { page: pageOf(held, page.offset, page.limit, kept) }),
    ...(sealed && { result: JSON.parse(ctx.unseal(`outcome:${action.id}`, sealed)) }),
  })
}

export const iso = (at: number): string => new Date(at).toISOString()
