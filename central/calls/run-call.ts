// The path of one call, the same for every door (MCP, console, HTTP). Imported by the doors; nothing below imports it.
import { CatalogueError, type ErrorCode, type ErrorDetails } from '#proto/contract/errors.ts'
import { decide, type Effect, type Verdict } from '../domain/decide.ts'
import type { Principal } from '../domain/principal.ts'
import { askedView } from '../tools/action-view.ts'
import type { ToolContext } from '../tools/context.ts'
import { type NeedsPerson, type Subject, type Tool, works } from '../tools/define.ts'
import { endOf, headOf, type Line, openLine } from './audit-line.ts'
import type { CallRooms } from './call-rooms.ts'
import { gatherFacts } from './gather-facts.ts'
import { titleOf } from './titles.ts'

export type IncomingCall = {
  requestId: string
  tool: string
  arguments: unknown
  principal: Principal
  signal: AbortSignal
  progress: (message: string) => void
  canElicitUrl: boolean
  elicited?: 'accept' | 'decline'
}

export type CallResult =
  | { kind: 'result'; value: Record<string, unknown> }
  | { kind: 'needs_person'; url: string; message: string }
  | { kind: 'error'; code: ErrorCode; details: ErrorDetails; requestId: string }

/** A call that has been understood. */
export type Understood = { call: IncomingCall; tool: Tool; input: unknown; subject: Subject; effect: Effect }

const NO_EFFECT: Effect = { kind: 'none' }

export function createRunCall(rooms: CallRooms): (call: IncomingCall) => Promise<CallResult> {
  return async (call) => {
    try {
      return await runCall(call, rooms)
    } catch (error) {
      return refusalOf(error, call, rooms)
    }
  }
}

/** One call from arrival to its closing audit line. The order of these lines is the security model. */
async function runCall(call: IncomingCall, rooms: CallRooms): Promise<CallResult> {
  const understood = await understand(call, rooms)
  const workspace = await rooms.plans.get(call.principal.workspaceId)
  const verdict = decide(await gatherFacts(understood, workspace, rooms))
  const line = openLine(understood, verdict, rooms.audit)
  const ctx: ToolContext = {
    ...rooms.toolRooms,
    ...call,
    elicited: call.elicited,
    workspace,
    runRead: rooms.runRead(call),
  }
  try {
    const result = await perform(understood, verdict, line, ctx)
    await line.close(endOf(result))
    return result
  } catch (error) {
    await line.close({ outcome: `error:${codeOf(error)}` })
    throw error
  }
}

async function understand(call: IncomingCall, rooms: CallRooms): Promise<Understood> {
  const tool = rooms.toolRooms.catalog.filter(works).find(({ id }) => id === call.tool)
  if (!tool) throw await invalid(call, rooms, new CatalogueError('NOT_FOUND', { tool: call.tool.slice(0, 100) }))
  const parsed = tool.input.safeParse(call.arguments ?? {})
  if (!parsed.success) {
    throw await invalid(call, rooms, new CatalogueError('VALIDATION_ERROR', { issues: issuesOf(parsed.error.issues) }))
  }
  const input = parsed.data
  if (!isText(input)) {
    const why = 'Text must be well-formed Unicode without NUL characters.'
    throw await invalid(call, rooms, new CatalogueError('VALIDATION_ERROR', { why }))
  }
  return { call, tool, input, subject: tool.subject(input), effect: tool.effect?.(input) ?? NO_EFFECT }
}

/** Half a surrogate pair and NUL have no place in what is signed, started or stored. */
function isText(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed() && !value.includes('\0')
  return typeof value !== 'object' || value === null || Object.values(value).every(isText)
}

async function invalid(call: IncomingCall, rooms: CallRooms, error: CatalogueError): Promise<CatalogueError> {
  const tool = call.tool.slice(0, 100)
  await rooms.audit.append({ ...headOf(call), event: 'call.invalid', tool, outcome: `error:${error.code}` })
  return error
}

/** What changes nothing may overlap the commit of its line; whatever else waits until the line is durable. */
async function perform(
  { call, tool, input, effect }: Understood,
  verdict: Verdict,
  line: Line,
  ctx: ToolContext,
): Promise<CallResult> {
  if (verdict.kind === 'deny') throw new CatalogueError(verdict.code, verdict.details)
  if (verdict.kind === 'ask') {
    await line.durable
    const { spec, words } = await requestOf(tool, input, ctx)
    const said = { ...words, title: titleOf(words.title), why: verdict.why }
    const action = await ctx.approvals.request(call.principal, call.requestId, spec, said)
    return { kind: 'result', value: tool.output.parse(await askedView(action, ctx.approvals)) }
  }
  if (tool.scope === 'execute' && effect.kind === 'none') await line.durable
  const [result] = await Promise.all([handle(tool, input, ctx), line.durable])
  if (isNeedsPerson(result)) return { kind: 'needs_person', ...result.needsPerson }
  return { kind: 'result', value: tool.output.parse(result) }
}

async function handle(tool: Tool, input: unknown, ctx: ToolContext): Promise<unknown> {
  if (!tool.handler) throw new TypeError(`${tool.id} can only ask`)
  return tool.handler(input, ctx)
}

async function requestOf(tool: Tool, input: unknown, ctx: ToolContext) {
  if (!tool.request) throw new TypeError(`${tool.id} can change something but says no words for its approval`)
  return tool.request(input, ctx)
}

const isNeedsPerson = (result: unknown): result is NeedsPerson =>
  typeof result === 'object' && result !== null && 'needsPerson' in result

const issuesOf = (issues: readonly { path: PropertyKey[]; message: string }[]) =>
  issues.slice(0, 20).map(({ path, message }) => ({ path: path.map(String).join('.'), message }))

const codeOf = (error: unknown): ErrorCode => (error instanceof CatalogueError ? error.code : 'INTERNAL_ERROR')

function refusalOf(error: unknown, call: IncomingCall, rooms: CallRooms): CallResult {
  const base = { kind: 'error' as const, requestId: call.requestId }
  const refused = error instanceof CatalogueError ? { ...base, code: error.code, details: error.details } : undefined
  // A refusal with a cause is a fault of what stands behind us, such as a full disk: the operator must hear of it.
  if (refused && (error as CatalogueError).cause === undefined) return refused
  rooms.log.error({ err: error, request_id: call.requestId, tool: call.tool }, 'call failed')
  return refused ?? { ...base, code: 'INTERNAL_ERROR', details: {} }
}
