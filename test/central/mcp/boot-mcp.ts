// /mcp alone, on a free port, with a catalogue and a run-call of the test's own.
import { createHash, randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import pino from 'pino'
import { z } from 'zod'
import { createLocalBus } from '../../../central/bus/bus.ts'
import type { CallResult, IncomingCall } from '../../../central/calls/run-call.ts'
import type { Principal } from '../../../central/domain/principal.ts'
import { type McpRooms, registerMcp } from '../../../central/mcp/index.ts'
import { createResource } from '../../../central/oauth/metadata.ts'
import { type CatalogEntry, defineTool, type Tool, works } from '../../../central/tools/define.ts'

export const ALICE: Principal = {
  credential: 'oauth',
  userId: 'usr_alice',
  email: 'alice@example.com',
  workspaceId: 'wsp_1',
  role: 'owner',
  scopes: ['read', 'execute'],
  clientId: 'client-a',
  clientName: 'Client A',
  grantId: 'grant-alice',
  source: 'mcp',
}
export const BOB: Principal = { ...ALICE, userId: 'usr_bob', email: 'bob@example.com', grantId: 'grant-bob' }
const READER: Principal = { ...ALICE, userId: 'usr_reader', scopes: ['read'], grantId: 'grant-reader' }
const RUNNER: Principal = { ...ALICE, userId: 'usr_runner', scopes: ['execute'], grantId: 'grant-runner' }

/** Token → who. */
export const TOKENS: Record<string, Principal> = {
  alice: ALICE,
  'alice-again': { ...ALICE, grantId: 'grant-alice-2' },
  'alice-elsewhere': { ...ALICE, clientId: 'client-b', grantId: 'grant-alice-b' },
  bob: BOB,
  reader: READER,
  runner: RUNNER,
}

const quiet = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false }
const loud = { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true }

type Handler = (call: IncomingCall) => Promise<CallResult>

const tool = (id: Tool['id'], scope: Tool['scope'], input: z.ZodObject, meta?: Tool['meta']): Tool =>
  defineTool({
    id,
    title: id.slice(7),
    description: `Test tool ${id}.`,
    scope,
    plan: 'watchdog',
    annotations: scope === 'read' ? quiet : loud,
    ...(meta && { meta }),
    input,
    output: z.object({}),
    subject: () => ({ resource: id }),
  })

export const CATALOG: readonly CatalogEntry[] = [
  tool('mttrly_echo', 'read', z.object({ text: z.string().max(100), times: z.number().int().optional() }), {
    'anthropic/alwaysLoad': true,
  }),
  tool('mttrly_change', 'execute', z.object({ what: z.string().default('x') })),
  tool('mttrly_ask', 'execute', z.object({ action_id: z.string() }), { 'anthropic/requiresUserInteraction': true }),
  tool('mttrly_slow', 'read', z.object({})),
  tool('mttrly_fail', 'read', z.object({})),
  { id: 'mttrly_planned', title: 'Planned', scope: 'read', plan: 'watchdog' },
]

const value = (result: Record<string, unknown>): CallResult => ({ kind: 'result', value: result })

const HANDLERS: Record<string, Handler> = {
  mttrly_echo: async (call) => value({ text: (call.arguments as { text: string }).text, user: call.principal.userId }),
  mttrly_change: async () => value({ status: 'pending_approval' }),
  mttrly_fail: async ({ requestId }) => ({
    kind: 'error',
    code: 'DIAGNOSTIC_COOLDOWN',
    details: { retry_after_s: 7, server_id: 'srv_1' },
    requestId,
  }),
  mttrly_ask: async (call) =>
    call.canElicitUrl && !call.elicited
      ? { kind: 'needs_person', url: 'https://central.example/approvals/act_1', message: 'Approve or reject: uptime' }
      : value({ elicited: call.elicited ?? 'not asked' }),
}

export type Booted = Awaited<ReturnType<typeof bootMcp>>

export async function bootMcp(options: Partial<McpRooms> & { handlers?: Record<string, Handler> } = {}) {
  const calls: IncomingCall[] = []
  let now = 1_800_000_000_000
  const app = Fastify({ genReqId: () => `req_${randomBytes(8).toString('hex')}`, forceCloseConnections: true })
  const catalog = options.catalog ?? CATALOG

  async function runCall(call: IncomingCall): Promise<CallResult> {
    calls.push(call)
    const refused = (code: 'NOT_FOUND' | 'VALIDATION_ERROR', details: Record<string, unknown>): CallResult => ({
      kind: 'error',
      code,
      details,
      requestId: call.requestId,
    })
    const found = catalog.filter(works).find(({ id }) => id === call.tool)
    const handler = { ...HANDLERS, ...options.handlers }[call.tool]
    if (!found || !handler) return refused('NOT_FOUND', { tool: call.tool })
    const parsed = found.input.safeParse(call.arguments)
    if (!parsed.success) return refused('VALIDATION_ERROR', { issues: parsed.error.issues })
    return handler({ ...call, arguments: parsed.data })
  }

  const publicUrl = options.publicUrl ?? 'http://localhost'
  const bus = createLocalBus()
  registerMcp(app, {
    bus,
    catalog,
    runCall,
    verifyBearer: async (token) => TOKENS[token] ?? { refused: 'AUTH_FAILED', why: 'no such token' },
    challenge: createResource(publicUrl).challenge,
    allowedOrigins: ['https://claude.example', 'http://localhost:6274'],
    clock: { now: () => now },
    log: pino({ level: 'silent' }),
    version: '0.0.0',
    publicUrl,
    stateKey: createHash('sha256').update('test').digest(),
    replica: 'r1',
    ...options,
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  return {
    url: new URL(`http://localhost:${port}/mcp`),
    port,
    calls,
    bus,
    advance: (ms: number) => {
      now += ms
    },
    close: () => app.close(),
  }
}
