// The door for AI clients: /mcp, in both generations of the protocol, from one set of tools. It turns requests into
// calls and back, and decides nothing. Imported by central/app.ts alone.
import { randomBytes } from 'node:crypto'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { classifyInboundRequest, createMcpHandler } from '@modelcontextprotocol/server'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { CatalogueError } from '#proto/contract/errors.ts'
import type { Bus } from '../bus/bus.ts'
import type { CallResult, IncomingCall } from '../calls/run-call.ts'
import type { Scope } from '../domain/principal.ts'
import { type CatalogEntry, works } from '../tools/define.ts'
import { BODY_LIMIT, isTooComplex, toolsCalledBy } from './body.ts'
import { createCallTool } from './call-tool.ts'
import { principalOf } from './caller.ts'
import { createDoor, type DoorRooms, refuse } from './door.ts'
import { createElicitation } from './elicitation.ts'
import { RPC } from './errors.ts'
import { listTool } from './list-tool.ts'
import { PROMPTS } from './prompts.ts'
import { createResources } from './resources.ts'
import { createServerFactory } from './server.ts'
import { createSessions, SESSION_LIMITS, type SessionLimits, type Sessions } from './sessions.ts'
import { joinSurfaces, type Surface } from './surface.ts'
import { createTokenBuckets, type Rate } from './token-bucket.ts'

export type McpRates = DoorRooms['rates'] & { calls: Rate }

/** For each grant. A busy assistant makes some twenty calls in a row and then thinks; two a second for hours is a loop. */
export const MCP_RATES: McpRates = {
  calls: { burst: 60, perSecond: 2 },
  requests: { burst: 300, perSecond: 20 },
  refusals: { burst: 60, perSecond: 1 },
}

/** Whoever allows more calls allows what comes with them, too. */
function ratesOf(given: Partial<McpRates> = {}): McpRates {
  const { calls, refusals } = { ...MCP_RATES, ...given }
  const { burst, perSecond } = MCP_RATES.requests
  const enough = { burst: Math.max(burst, 2 * calls.burst), perSecond: Math.max(perSecond, 2 * calls.perSecond) }
  return { calls, refusals, requests: given.requests ?? enough }
}

export type McpRooms = Omit<DoorRooms, 'rates'> & {
  catalog: readonly CatalogEntry[]
  runCall: (call: IncomingCall) => Promise<CallResult>
  bus: Pick<Bus, 'subscribe'>
  version: string
  rateLimit?: Partial<McpRates>
  sessionLimits?: Partial<SessionLimits>
  /** Seals what a client carries between two rounds of one call; 32 bytes, shared by all replicas. Random if absent. */
  stateKey?: Uint8Array
  /** Named in every session id. */
  replica?: string
  /** Served beside our own. */
  extra?: Surface
}

const PATH = '/mcp'
const METHODS = ['GET', 'POST', 'DELETE', 'OPTIONS', 'PUT', 'PATCH'] as const
const SWEEP_INTERVAL = 60_000

export function registerMcp(app: FastifyInstance, rooms: McpRooms): void {
  const rates = ratesOf(rooms.rateLimit)
  const door = createDoor({ ...rooms, rates })
  const surface = createSurface(rooms, rates.calls)
  const identity = { name: 'mttrly', title: 'mttrly', version: rooms.version, websiteUrl: rooms.publicUrl }
  const createServer = createServerFactory(surface, identity)
  const sessions = createSessions({
    createServer,
    clock: rooms.clock,
    replica: rooms.replica ?? randomBytes(4).toString('hex'),
    limits: { ...SESSION_LIMITS, ...rooms.sessionLimits },
  })
  const onerror = (error: Error) => rooms.log.debug({ err: error }, 'mcp request rejected')
  // Calls stream from their first moment, since some clients give up a silent one; all else is over at once.
  const streaming = createMcpHandler(createServer, { legacy: 'reject', responseMode: 'sse', onerror })
  const plain = createMcpHandler(createServer, { legacy: 'reject', responseMode: 'auto', onerror })
  const serveStreaming = toNodeHandler(streaming, { onerror })
  const servePlain = toNodeHandler(plain, { onerror })
  const scopes = new Map<string, Scope>(rooms.catalog.map((tool) => [tool.id, tool.scope]))

  async function serve(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const refused = checkMethod(request, reply) ?? checkBody(request, reply) ?? checkScopes(request, reply)
    if (refused) return refused
    if (isLegacy(request)) return serveLegacy(request, reply, sessions)
    hijack(reply)
    const isCall = toolsCalledBy(request.body).some((name) => scopes.has(name))
    await (isCall ? serveStreaming : servePlain)(request.raw, reply.raw, request.body)
    return reply
  }

  function checkScopes(request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined {
    const needed = toolsCalledBy(request.body).flatMap((name) => scopes.get(name) ?? [])
    return door.checkScope(request, reply, needed)
  }

  app.register(async (scope) => {
    useJsonBodies(scope)
    scope.addHook('onRequest', async (request, reply) => door.enter(request, reply))
    scope.setErrorHandler<Failed>((error, request, reply) => {
      if (!isExpected(error)) rooms.log.error({ err: error, request_id: request.id }, 'mcp request failed')
      return answerError(error, request, reply)
    })
    scope.route({ method: [...METHODS], url: PATH, exposeHeadRoute: false, handler: serve })
    const stopListening = endLostSessions(rooms.bus, sessions)
    const timer = setInterval(() => void sessions.sweep(), SWEEP_INTERVAL).unref()
    // Before the listener closes, which would wait for the streams that these end.
    scope.addHook('preClose', async () => {
      clearInterval(timer)
      stopListening()
      await Promise.all([sessions.close(), streaming.close(), plain.close()])
    })
  })
}

const LOST = z.object({ grant_id: z.string().optional(), user_id: z.string().optional() })

/** Streams stay open long after the check of the token that opened them. */
function endLostSessions(bus: Pick<Bus, 'subscribe'>, sessions: Sessions): () => void {
  const onLoss = (message: unknown): void => {
    const { grant_id, user_id } = LOST.parse(message)
    void sessions.endWhere(({ grantId, userId }) => grantId === grant_id || userId === user_id)
  }
  const subscriptions = [bus.subscribe('grant_revoked', onLoss), bus.subscribe('user_disabled', onLoss)]
  return () => {
    for (const end of subscriptions) end()
  }
}

function createSurface(rooms: McpRooms, rate: Rate): Surface {
  const elicitation = createElicitation({ key: rooms.stateKey ?? randomBytes(32), clock: rooms.clock })
  const takeCall = createTokenBuckets({ rate, clock: rooms.clock })
  const { call, refuseUnknown } = createCallTool({ ...rooms, elicitation, takeCall })
  const tools = rooms.catalog.filter(works).map((tool) => ({
    listed: listTool(tool),
    call: (...[args, ctx, server]: Parameters<Surface['tools'][number]['call']>) => call(tool.id, args, ctx, server),
  }))
  const ours = {
    tools,
    prompts: PROMPTS,
    resources: createResources(rooms.catalog),
    templates: [],
    refuseOther: refuseUnknown,
  }
  return joinSurfaces(ours, rooms.extra)
}

/** Fastify's own parsers answer in Fastify's words, and refuse the empty JSON body that clients send with DELETE. */
function useJsonBodies(scope: FastifyInstance): void {
  const parse = scope.getDefaultJsonParser('remove', 'remove')
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser<string>(
    'application/json',
    { parseAs: 'string', bodyLimit: BODY_LIMIT },
    (request, body, done) => (body === '' ? done(null, undefined) : parse(request, body, done)),
  )
}

function checkMethod(request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined {
  if (['GET', 'POST', 'DELETE'].includes(request.method)) return undefined
  reply.header('allow', 'GET, POST, DELETE')
  return refuse(request, reply, { code: 'VALIDATION_ERROR', status: 405, details: { method: request.method } })
}

function checkBody(request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined {
  if (request.method !== 'POST') return undefined
  if (request.body === undefined) return refuse(request, reply, { code: 'VALIDATION_ERROR', rpc: RPC.parse })
  if (typeof request.body !== 'object' || request.body === null || isTooComplex(request.body)) {
    return refuse(request, reply, { code: 'VALIDATION_ERROR', rpc: RPC.invalidRequest })
  }
  return undefined
}

const headerOf = (request: FastifyRequest, name: string): string | undefined => {
  const value = request.headers[name]
  return Array.isArray(value) ? value[0] : value
}

function isLegacy(request: FastifyRequest): boolean {
  const outcome = classifyInboundRequest({
    httpMethod: request.method,
    protocolVersionHeader: headerOf(request, 'mcp-protocol-version'),
    mcpMethodHeader: headerOf(request, 'mcp-method'),
    mcpNameHeader: headerOf(request, 'mcp-name'),
    body: request.body,
  })
  return outcome.kind === 'legacy'
}

async function serveLegacy(request: FastifyRequest, reply: FastifyReply, sessions: Sessions): Promise<FastifyReply> {
  const principal = principalOf(request.raw)
  const id = headerOf(request, 'mcp-session-id')
  if (id === undefined && isInitialize(request.body)) {
    if (!(await sessions.makeRoom(principal.userId))) {
      return refuse(request, reply, { code: 'RATE_LIMITED', status: 503, details: { retry_after_s: 60 } })
    }
    hijack(reply)
    await sessions.start(request, reply)
    return reply
  }
  if (id === undefined) {
    return refuse(request, reply, {
      code: 'VALIDATION_ERROR',
      details: { missing: 'Mcp-Session-Id', why: WITHOUT_SESSION },
    })
  }
  const session = sessions.find(id, principal)
  if (!session)
    return refuse(request, reply, {
      code: 'NOT_FOUND',
      rpc: RPC.noSession,
      details: { what: 'session', why: NO_SESSION },
    })
  hijack(reply)
  await sessions.handle(session, request, reply)
  return reply
}

const WITHOUT_SESSION =
  'The header Mcp-Session-Id is missing. Send initialize first and repeat the header of its answer with every request; revision 2026-07-28 needs no session.'
const NO_SESSION = 'There is no such session (any more). Send initialize again, without the header Mcp-Session-Id.'

const isInitialize = (body: unknown): boolean =>
  typeof body === 'object' && body !== null && 'method' in body && body.method === 'initialize'

/** The SDK writes to the raw response; what the hooks have put into the reply goes with it. */
function hijack(reply: FastifyReply): void {
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) reply.raw.setHeader(name, value)
  }
  reply.hijack()
}

/** What Fastify says of a body, in the words of the protocol. */
const BODY_ERRORS: Record<number, Parameters<typeof refuse>[2]> = {
  400: { code: 'VALIDATION_ERROR', rpc: RPC.parse, id: null },
  413: { code: 'VALIDATION_ERROR', status: 413, details: { limit_bytes: BODY_LIMIT } },
  415: { code: 'VALIDATION_ERROR', status: 415, details: { content_type: 'application/json' } },
}

type Failed = FastifyError | CatalogueError

const isExpected = (error: Failed): boolean =>
  error instanceof CatalogueError || (error.statusCode ?? 500) in BODY_ERRORS

function answerError(error: Failed, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (error instanceof CatalogueError) return refuse(request, reply, { code: error.code, details: error.details })
  const known = BODY_ERRORS[error.statusCode ?? 500]
  return refuse(request, reply, known ?? { code: 'INTERNAL_ERROR', rpc: RPC.internal })
}
