// Asking the person behind the client to open a link, in both generations of the protocol. A link is never proof of
// anything: the page behind it asks who they are. So what comes back here decides only whether to wait for them.
import { createHash, createHmac, randomUUID } from 'node:crypto'
import {
  CLIENT_CAPABILITIES_META_KEY,
  type ClientCapabilities,
  createRequestStateCodec,
  type InputRequiredResult,
  inputRequired,
  inputResponse,
  ProtocolError,
  ProtocolErrorCode,
  type Server,
  type ServerContext,
} from '@modelcontextprotocol/server'
import canonicalize from 'canonicalize'
import { LIMITS } from '#proto/contract/limits.ts'
import type { Clock } from '../domain/clock.ts'
import { callerOf } from './caller.ts'

export type Elicited = 'accept' | 'decline'
export type Link = { url: string; message: string }

/** What comes back with a repeated call: which call it repeats, and a number that is good once. */
type State = { tool: string; args: string; nonce: string; expires: number }

const STATE_LIFE = 10 * 60_000
/** Used numbers that are remembered; beyond them a flood forgets the oldest. */
const MAX_USED = 10_000
const KEY = 'person'

const isModern = (ctx: ServerContext): boolean => ctx.mcpReq.envelope !== undefined

export function canElicitUrl(ctx: ServerContext, server: Server): boolean {
  const envelope: Record<string, unknown> | undefined = ctx.mcpReq.envelope
  const declared = isModern(ctx) ? envelope?.[CLIENT_CAPABILITIES_META_KEY] : server.getClientCapabilities()
  return (declared as ClientCapabilities | undefined)?.elicitation?.url !== undefined
}

const digest = (args: unknown): string =>
  createHash('sha256')
    .update(canonicalize(args) ?? '')
    .digest('base64url')

/** A credential of a user; another user, another client or another login of the same user is another one. */
const binding = (ctx: ServerContext): string => {
  const { userId, clientId, grantId } = callerOf(ctx).principal
  return JSON.stringify([ctx.mcpReq.method, userId, clientId, grantId])
}

const invalidState = () =>
  new ProtocolError(ProtocolErrorCode.InvalidParams, 'Invalid or expired requestState', {
    reason: 'invalid_request_state',
  })

/** `key`: a secret of 32 bytes or more, which may have other uses too, the same on every replica that may get the repeated call. */
export function createElicitation({ key, clock }: { key: Uint8Array; clock: Clock }) {
  const stateKey = createHmac('sha256', key).update('mcp request state').digest()
  // Our own `expires` is what counts; the codec goes by the wall clock.
  const codec = createRequestStateCodec<State>({ key: stateKey, bind: binding, ttlSeconds: (2 * STATE_LIFE) / 1000 })
  const used = new Map<string, number>()

  function useOnce({ nonce, expires }: State): boolean {
    for (const [old, until] of used) {
      if (until > clock.now() && used.size < MAX_USED) break
      used.delete(old)
    }
    if (used.has(nonce)) return false
    used.set(nonce, expires)
    return true
  }

  async function verified(raw: string, ctx: ServerContext): Promise<State> {
    return codec.verify(raw, ctx).catch(() => Promise.reject(invalidState()))
  }

  return {
    /** What the person answered, when this call repeats one that had to ask. Without a state of ours there was no question. */
    async answerIn(ctx: ServerContext, tool: string, args: unknown): Promise<Elicited | undefined> {
      const raw = ctx.mcpReq.requestState<string>()
      if (raw === undefined) return undefined
      const state = await verified(raw, ctx)
      const same = state.tool === tool && state.args === digest(args) && state.expires > clock.now()
      if (!same || !useOnce(state)) throw invalidState()
      const view = inputResponse(ctx.mcpReq.inputResponses, KEY)
      return view.kind === 'elicit' && view.action === 'accept' ? 'accept' : 'decline'
    },

    /** 2026-07-28: the answer of this request asks, and the client repeats the call. */
    async ask(link: Link, ctx: ServerContext, tool: string, args: unknown): Promise<InputRequiredResult> {
      const state: State = { tool, args: digest(args), nonce: randomUUID(), expires: clock.now() + STATE_LIFE }
      return inputRequired({
        inputRequests: { [KEY]: inputRequired.elicitUrl(link) },
        requestState: await codec.mint(state, ctx),
      })
    },

    /** 2025: the server asks while the call is open. Whoever does not answer in time has not accepted. */
    async push(link: Link, ctx: ServerContext): Promise<Elicited> {
      const params = { mode: 'url' as const, ...link, elicitationId: randomUUID() }
      const options = { timeout: LIMITS.toolAnswer, signal: ctx.mcpReq.signal, relatedRequestId: ctx.mcpReq.id }
      const answer = await ctx.mcpReq.elicitInput(params, options).catch(() => ({ action: 'cancel' }))
      return answer.action === 'accept' ? 'accept' : 'decline'
    },

    isModern,
  }
}

export type Elicitation = ReturnType<typeof createElicitation>
