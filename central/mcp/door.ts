// What every request to /mcp passes, in this order, before its body is read: Host, Origin, preflight, bearer token,
// contract version, allowance. Each refusal is a JSON-RPC error with the request's id.
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { ERRORS, type ErrorCode, type ErrorDetails } from '#proto/contract/errors.ts'
import type { Clock } from '../domain/clock.ts'
import type { Principal, Scope } from '../domain/principal.ts'
import { SCOPES } from '../domain/principal.ts'
import type { BearerRefused } from '../oauth/oauth.ts'
import { CONTRACT_MAJOR } from '../tools/contract-version.ts'
import { identify, principalOf } from './caller.ts'
import { envelope, idOf, RPC, rpcError } from './errors.ts'
import { allowOrigin, answerPreflight, createHostCheck, createOriginCheck, isPreflight } from './origin.ts'
import { createTokenBuckets, type Rate } from './token-bucket.ts'

/** Without it, no credential was shown. */
export type ChallengeReason = {
  error: 'invalid_token' | 'insufficient_scope'
  description: string
  scopes?: readonly Scope[]
}

export type DoorRooms = {
  verifyBearer: (token: string) => Promise<Principal | BearerRefused>
  /** The value of WWW-Authenticate (RFC 6750 section 3, RFC 9728 section 5.1). */
  challenge: (reason?: ChallengeReason) => string
  allowedOrigins: readonly string[]
  publicUrl: string
  clock: Clock
  log: Logger
  /** `requests` a grant, `refusals` an address. */
  rates: { requests: Rate; refusals: Rate }
}

/** Header `Mttrly-Contract-Version`: a client built for another major is told so before it misreads an answer. */
const CONTRACT_VERSION = /^v?(\d{1,4})(\.\d{1,6}){0,2}$/

const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]{1,8192}=*)$/i

const MALFORMED: BearerRefused = { refused: 'AUTH_FAILED', why: 'not a bearer token' }
/** Why exactly is for the log: whoever tries tokens learns nothing. */
const REFUSED: ChallengeReason = { error: 'invalid_token', description: 'The access token is not valid (any more)' }

type Refusal = { code: ErrorCode; details?: ErrorDetails; status?: number; rpc?: number; id?: string | number | null }

export function refuse(request: FastifyRequest, reply: FastifyReply, refusal: Refusal): FastifyReply {
  const { code, details = {}, status = ERRORS[code].http, rpc = RPC.server, id = idOf(request.body) } = refusal
  const data = envelope(code, details, request.id)
  if (data.retry_after_s) reply.header('retry-after', String(data.retry_after_s))
  return reply
    .code(status)
    .type('application/json')
    .send(rpcError(id, rpc, data))
}

export function createDoor(rooms: DoorRooms) {
  const hostIsOurs = createHostCheck(rooms.publicUrl)
  const originIsAllowed = createOriginCheck(rooms.allowedOrigins)
  const takeRequest = createTokenBuckets({ rate: rooms.rates.requests, clock: rooms.clock })
  const takeRefusal = createTokenBuckets({ rate: rooms.rates.refusals, clock: rooms.clock })

  /** Good credentials are never held up by an address that others flood from: only refusals are counted by address. */
  function unauthorised(request: FastifyRequest, reply: FastifyReply, reason?: ChallengeReason): FastifyReply {
    const wait = takeRefusal(request.ip)
    if (wait > 0) return refuse(request, reply, { code: 'RATE_LIMITED', details: { retry_after_s: wait } })
    reply.header('www-authenticate', rooms.challenge(reason))
    return refuse(request, reply, { code: 'AUTH_FAILED', status: 401 })
  }

  function checkSender(request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined {
    const { host, origin } = request.headers
    reply.header('x-request-id', request.id).header('vary', 'Origin').header('cache-control', 'no-store')
    if (!hostIsOurs(host)) return refuse(request, reply, { code: 'FORBIDDEN', details: { header: 'Host' } })
    if (!originIsAllowed(origin)) return refuse(request, reply, { code: 'FORBIDDEN', details: { header: 'Origin' } })
    if (origin !== undefined) allowOrigin(reply, origin)
    return isPreflight(request) ? answerPreflight(reply) : undefined
  }

  async function authenticate(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
    const shown = request.headers.authorization
    if (shown === undefined) return unauthorised(request, reply)
    const token = BEARER.exec(shown)?.[1]
    const principal = token === undefined ? MALFORMED : await rooms.verifyBearer(token)
    if ('refused' in principal) {
      rooms.log.info({ why: principal.why, request_id: request.id }, 'bearer token refused')
      return unauthorised(request, reply, REFUSED)
    }
    identify(request.raw, principal, request.id)
    return undefined
  }

  function checkContract(request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined {
    const asked = request.headers['mttrly-contract-version']
    if (asked === undefined || Number(CONTRACT_VERSION.exec(String(asked))?.[1]) === CONTRACT_MAJOR) return undefined
    const details = { requested: String(asked).slice(0, 40), supported: [CONTRACT_MAJOR] }
    return refuse(request, reply, { code: 'CONTRACT_VERSION_UNSUPPORTED', details })
  }

  function checkAllowance(request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined {
    const wait = takeRequest(principalOf(request.raw).grantId)
    return wait > 0 ? refuse(request, reply, { code: 'RATE_LIMITED', details: { retry_after_s: wait } }) : undefined
  }

  return {
    async enter(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
      return (
        checkSender(request, reply) ??
        (await authenticate(request, reply)) ??
        checkContract(request, reply) ??
        checkAllowance(request, reply)
      )
    },

    /** The token is good and too narrow: names all scopes that are needed, so that one new consent is enough. */
    checkScope(request: FastifyRequest, reply: FastifyReply, needed: readonly Scope[]): FastifyReply | undefined {
      const held = principalOf(request.raw).scopes
      const lacks = needed.some((scope) => !held.includes(scope) && !held.includes('execute'))
      if (!lacks) return undefined
      const scopes = SCOPES.filter((scope) => needed.includes(scope) || scope === 'read' || held.includes(scope))
      reply.header(
        'www-authenticate',
        rooms.challenge({ error: 'insufficient_scope', description: 'The tool needs more scopes', scopes }),
      )
      return refuse(request, reply, { code: 'FORBIDDEN', details: { error: 'insufficient_scope', needed: scopes } })
    },
  }
}
