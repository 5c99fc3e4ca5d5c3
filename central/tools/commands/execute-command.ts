import { z } from 'zod'
import { LIMITS } from '#proto/contract/limits.ts'
import { type Classification, classify } from '../../commands/classify.ts'
import type { ActionSpec } from '../../domain/action.ts'
import type { Effect } from '../../domain/decide.ts'
import { plainText } from '../../domain/text.ts'
import { type ActionView, ActionView as ActionViewSchema, fullView, outcomeView, pageOf } from '../action-view.ts'
import type { ToolContext } from '../context.ts'
import { defineTool } from '../define.ts'

const input = z.object({
  server_id: z.string().max(100).describe('From mttrly_list_servers'),
  command: z.string().trim().min(1).max(LIMITS.commandLine).describe('One shell command line'),
  reason: z.string().max(1000).default('').describe('Why; shown to the person who approves'),
  cwd: z.string().max(4096).startsWith('/').default('/').describe('Working directory'),
  timeout_s: z
    .number()
    .int()
    .min(1)
    .max(LIMITS.runMax / 1000)
    .default(LIMITS.runDefault / 1000),
  terminal: z.boolean().default(false).describe('Give the command a terminal'),
})
type Input = z.output<typeof input>

export const executeCommand = defineTool({
  id: 'mttrly_execute_command',
  title: 'Execute Shell Command',
  description:
    'Run a shell command on a server. Read-only commands answer at once; everything else returns pending_approval for a person to decide. Never retry a pending command: use its action_id.',
  scope: 'execute',
  plan: 'deployment_bro',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
  needsOnline: true,
  input,
  output: ActionViewSchema,
  subject: ({ server_id, command }) => ({ server_id, resource: `command:${command}` }),
  effect: effectOf,
  request: async (asked, ctx) => ({
    spec: await specOf(asked, ctx),
    words: {
      title: asked.command,
      effect: 'Runs with the rights of the act lane on this server; it may change anything there.',
      undo: 'Cannot be undone by mttrly.',
      reason: asked.reason,
    },
  }),
  handler: run,
})

function effectOf({ command, cwd, terminal }: Input): Effect {
  const classification = classify(command)
  if (classification.kind === 'ask')
    return { kind: 'change', why: classification.reason, programs: classification.programs }
  const { lane, programs } = placeOf(classification)
  if (cwd !== '/' || terminal)
    return { kind: 'change', why: 'It asks for a directory or a terminal of its own.', programs }
  return { kind: 'read', lane, programs }
}

const placeOf = (found: Exclude<Classification, { kind: 'ask' }>) =>
  found.kind === 'verb'
    ? { lane: found.lane, programs: [found.program] }
    : { lane: 'read' as const, programs: found.programs }

async function specOf(asked: Input, ctx: ToolContext): Promise<ActionSpec> {
  const server = await ctx.fleet.get(ctx.workspace.id, asked.server_id)
  return {
    kind: 'command',
    server_id: asked.server_id,
    line: asked.command,
    argv: [server?.shell || '/bin/sh', '-c', asked.command],
    cwd: asked.cwd,
    env: {},
    user: '',
    terminal: asked.terminal,
    timeout_ms: asked.timeout_s * 1000,
  }
}

async function run(asked: Input, ctx: ToolContext): Promise<ActionView> {
  const found = classify(asked.command)
  const command = {
    line: asked.command,
    ...(found.kind === 'verb' && { verb: { lane: found.lane, argv: found.argv } }),
  }
  const ran = await ctx.runRead(asked.server_id, command, asked.timeout_s * 1000)
  if (ran.kind === 'action') return fullView(await ctx.approvals.get(ctx.workspace.id, ran.actionId), ctx)
  const page = pageOf(ran.output, 0, ran.output.length, { end: ran.output.length, over: true })
  return {
    status: ran.state,
    server_id: asked.server_id,
    kind: 'command',
    description: plainText(asked.command),
    ...outcomeView(ran.outcome),
    ...page,
  }
}
