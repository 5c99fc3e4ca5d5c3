// How an action looks to a client: the same words in every tool that creates, waits for or reads one.
import { z } from 'zod'
import type { RolloutView } from '../calls/rollouts.ts'
import { ACTION_STATES, type Action, type ActionState, isTerminal, runsOnHost } from '../domain/action.ts'
import { plainText, utf8Boundary } from '../domain/text.ts'
import type { ToolContext } from './context.ts'
import { planLines } from './fleet/installation.ts'

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

/** Servers of a rollout that one answer names. */
const NAMED = 100

const Progress = z.object({
  state: z.enum(['under_way', 'finished', 'halted']),
  why: z.string().optional(),
  not_begun: z.number().int(),
  servers: z
    .array(z.object({ server_id: z.string(), status: z.enum(ACTION_STATES), action_id: z.string() }))
    .describe('Those begun, what went wrong first; expired ones were offline and left out'),
})

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
  rollout: Progress.optional(),
  plan: z.array(z.string()).optional().describe('What a repair will change, as a diff; untrusted text from the host'),
  next_step: z.string().optional(),
  ...OutputPage.partial().shape,
})
export type ActionView = z.infer<typeof ActionView>

type Extra = {
  approvalUrl?: string
  needsSignature?: boolean
  page?: OutputPage
  result?: Record<string, unknown>
  rollout?: RolloutView
}

const AFTER_ASKING =
  'Then call mttrly_approve_action (waits) or mttrly_get_action_result. Asking again makes a second action.'

const NEXT_STEPS: Partial<Record<Action['state'], string>> = {
  pending_approval: `A person must approve this at approval_url. ${AFTER_ASKING}`,
  approved: 'Approved; it is about to start. Call mttrly_get_action_result.',
  running: 'Still running. Call mttrly_get_action_result for its output and end.',
  expired: 'Nobody decided in time. Ask again if it is still wanted.',
  unknown: 'It cannot be known whether or how it ended. Look at the server before asking again.',
}

const signStep = (id: string): string =>
  `An approver that the server's own policy names must sign this: on their machine with \`npm run approver -- sign ${id}\`, or with a passkey at approval_url. A code is not enough. ${AFTER_ASKING}`

const NOT_WRITTEN =
  'The host refused and nothing was changed; the output says why. After changed_since, read the file again and ask anew.'

/** What the exit codes of the host's own command line mean for whoever asked. */
const AFTERWARDS: Partial<Record<Action['spec']['kind'], Readonly<Record<number, string>>>> = {
  repair_install: {
    0: 'mttrly_get_install_health shows how it is now.',
    4: 'The host is not as the plan says any more; nothing was changed. Call mttrly_repair_install again for a new plan.',
  },
  write_file: { 4: NOT_WRITTEN },
  cleanup_file: { 4: NOT_WRITTEN },
  execute_script: { 4: 'Of a managed script: the host refused it and nothing was run, if the output says so.' },
  update_agent: {
    4: 'The host refused the release and nothing was changed; the output says why.',
    7: 'The new version did not hold and the host went back to the one before; the output says why.',
  },
}

const UNINSTALLED =
  'The agent is gone and its server goes offline. mttrly_decommission_server takes it out of the registry.'

function nextStepOf({ state, spec, outcome }: Action): string | undefined {
  if (spec.kind === 'repair_install' && spec.plan.strategy === 'uninstall' && state === 'succeeded') return UNINSTALLED
  return NEXT_STEPS[state] ?? AFTERWARDS[spec.kind]?.[outcome?.exit_code ?? -1]
}

export function viewOf(action: Action, extra: Extra = {}): ActionView {
  const { outcome } = action
  const pending = action.state === 'pending_approval'
  const next = pending && extra.needsSignature ? signStep(action.id) : nextStepOf(action)
  return {
    status: action.state,
    action_id: action.id,
    server_id: action.server_id,
    kind: action.spec.kind,
    description: plainText(action.words.title),
    created_at: iso(action.created_at),
    ...(pending && { expires_at: iso(action.expires_at) }),
    ...(pending && extra.approvalUrl && { approval_url: extra.approvalUrl }),
    ...(pending && planOf(action)),
    ...(action.decision && { decided_by: action.decision.by_email }),
    ...(outcome && outcomeView(outcome)),
    ...(extra.result && { result: extra.result }),
    ...(extra.rollout && { rollout: progressOf(action, extra.rollout) }),
    ...(next && { next_step: next }),
    ...extra.page,
  }
}

type AskedIn = Pick<ToolContext['approvals'], 'urlOf' | 'needsSignature'>

/** As somebody sees it who waits for the decision. */
export const askedView = async (action: Action, approvals: AskedIn, extra: Extra = {}): Promise<ActionView> =>
  viewOf(action, {
    ...extra,
    approvalUrl: approvals.urlOf(action.id),
    needsSignature: action.state === 'pending_approval' && (await approvals.needsSignature(action)),
  })

const planOf = ({ spec }: Action): Pick<ActionView, 'plan'> =>
  spec.kind === 'repair_install' && spec.plan.drifts.length > 0 ? { plan: planLines(spec.plan.drifts) } : {}

const ORDER: readonly ActionState[] = ['failed', 'timed_out', 'unknown', 'cancelled', 'running', 'approved', 'expired']

function progressOf({ spec, state }: Action, { step, children }: RolloutView): z.input<typeof Progress> {
  const all = spec.kind === 'update_agent' ? (spec.rollout?.server_ids.length ?? 0) : 0
  // What is not in the list comes first with -1: it succeeded, and is put last.
  const rank = (of: ActionState) => (ORDER.indexOf(of) + ORDER.length + 1) % (ORDER.length + 1)
  const servers = children
    .toSorted((a, b) => rank(a.state) - rank(b.state))
    .slice(0, NAMED)
    .map((child) => ({ server_id: child.server_id, status: child.state, action_id: child.id }))
  const canaryFailed = isTerminal(state) && state !== 'succeeded'
  const halted = step.kind === 'halted' ? step.why : canaryFailed ? `the first server: ${state}` : undefined
  return {
    state: halted ? 'halted' : step.kind === 'finished' ? 'finished' : 'under_way',
    ...(halted && { why: halted }),
    not_begun: all - children.length,
    servers,
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

/** What Central sealed. It may hold a token that makes a host a server: for the person who asked, and nobody else. */
export function ownResult(
  { id, requester, outcome }: Action,
  { principal, unseal }: Pick<ToolContext, 'principal' | 'unseal'>,
): Record<string, unknown> | undefined {
  if (requester.user_id !== principal.userId || !outcome?.sealed) return undefined
  return JSON.parse(unseal(`outcome:${id}`, outcome.sealed))
}

/** The action as it is now, with a page of its output and what Central itself has to say. */
export async function fullView(
  action: Action,
  ctx: Pick<ToolContext, 'principal' | 'output' | 'approvals' | 'unseal' | 'rollouts'>,
  page: { offset: number; limit: number } = { offset: 0, limit: PAGE_BYTES },
): Promise<ActionView> {
  const end = await ctx.output.outputEnd(action.id)
  const held = end > page.offset ? await ctx.output.readOutput(action.id, page.offset, page.limit) : Buffer.alloc(0)
  const result = ownResult(action, ctx)
  const kept = { end, over: isTerminal(action.state) }
  const rollout = await ctx.rollouts.view(action)
  return askedView(action, ctx.approvals, {
    ...(runsOnHost(action.spec) && action.started_at && { page: pageOf(held, page.offset, page.limit, kept) }),
    ...(rollout && { rollout }),
    ...(result && { result }),
  })
}

export const iso = (at: number): string => new Date(at).toISOString()
