// tools/call: from the protocol to run-call and back. Nothing is decided here.
import {
  type CallToolResult,
  type InputRequiredResult,
  ProtocolError,
  ProtocolErrorCode,
  type Server,
  type ServerContext,
} from '@modelcontextprotocol/server'
import type { Logger } from 'pino'
import type { ErrorCode, ErrorDetails } from '#proto/contract/errors.ts'
import type { CallResult, IncomingCall } from '../calls/run-call.ts'
import type { Clock } from '../domain/clock.ts'
import { callerOf } from './caller.ts'
import { canElicitUrl, type Elicitation } from './elicitation.ts'
import { envelope } from './errors.ts'
import { createProgress } from './progress.ts'

export type CallToolRooms = {
  log: Logger
  runCall: (call: IncomingCall) => Promise<CallResult>
  elicitation: Elicitation
  clock: Clock
  /** Takes a call from a grant's allowance: 0, or the seconds to wait. */
  takeCall: (grantId: string) => number
}

type Arguments = Record<string, unknown>

export function createCallTool({ log, elicitation, clock, takeCall, ...rooms }: CallToolRooms) {
  /** The SDK would send the text of whatever is thrown to the client. */
  async function runCall(call: IncomingCall): Promise<CallResult> {
    try {
      return await rooms.runCall(call)
    } catch (error) {
      log.error({ err: error, request_id: call.requestId, tool: call.tool }, 'call failed')
      return { kind: 'error', code: 'INTERNAL_ERROR', details: {}, requestId: call.requestId }
    }
  }

  async function call(tool: string, args: Arguments, ctx: ServerContext, server: Server) {
    const { principal, nextRequestId } = callerOf(ctx)
    const requestId = nextRequestId()
    const wait = takeCall(principal.grantId)
    if (wait > 0) return refused('RATE_LIMITED', { retry_after_s: wait }, requestId)
    const elicited = await elicitation.answerIn(ctx, tool, args)
    const incoming: IncomingCall = {
      requestId,
      tool,
      arguments: args,
      principal,
      signal: ctx.mcpReq.signal,
      progress: createProgress(ctx, clock),
      canElicitUrl: canElicitUrl(ctx, server),
      ...(elicited && { elicited }),
    }
    const result = await runCall(incoming)
    return result.kind === 'needs_person' ? askFor(result, incoming, ctx) : shape(result)
  }

  /** Asked once and answered is final, whatever the answer was: some clients answer for their absent person. */
  async function askFor(link: NeedsPersonResult, incoming: IncomingCall, ctx: ServerContext) {
    const { url, message } = link
    if (!incoming.canElicitUrl || incoming.elicited) return unasked(link, incoming.requestId)
    if (elicitation.isModern(ctx)) {
      return elicitation.ask({ url, message }, ctx, incoming.tool, incoming.arguments)
    }
    const elicited = await elicitation.push({ url, message }, ctx)
    const again = await runCall({ ...incoming, elicited })
    return again.kind === 'needs_person' ? unasked(again, incoming.requestId) : shape(again)
  }

  return {
    call: (tool: string, args: Arguments, ctx: ServerContext, server: Server): Promise<Answer> =>
      call(tool, args, ctx, server),

    /** A tool that is not there is a fault of the protocol (-32602); run-call still writes down that it was tried. */
    async refuseUnknown(tool: string, args: Arguments, ctx: ServerContext): Promise<never> {
      const { principal, nextRequestId } = callerOf(ctx)
      const requestId = nextRequestId()
      const signal = ctx.mcpReq.signal
      if (takeCall(principal.grantId) === 0) {
        await runCall({ requestId, tool, arguments: args, principal, signal, progress: () => {}, canElicitUrl: false })
      }
      const name = tool.slice(0, 128)
      const data = envelope('NOT_FOUND', { tool: name }, requestId)
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown tool: ${name}`, data)
    },
  }
}

type NeedsPersonResult = Extract<CallResult, { kind: 'needs_person' }>
type Answer = CallToolResult | InputRequiredResult

function shape(result: Exclude<CallResult, NeedsPersonResult>): CallToolResult {
  if (result.kind === 'error') return refused(result.code, result.details, result.requestId)
  return { content: [{ type: 'text', text: JSON.stringify(result.value) }], structuredContent: result.value }
}

const unasked = ({ url, message }: NeedsPersonResult, requestId: string) =>
  refused('TWO_FACTOR_REQUIRED', { url, message }, requestId)

/** Without structuredContent: some clients show a model that alone, others refuse one that is not of the tool's shape. */
function refused(code: ErrorCode, details: ErrorDetails, requestId: string): CallToolResult {
  return { content: [{ type: 'text', text: JSON.stringify(envelope(code, details, requestId)) }], isError: true }
}
