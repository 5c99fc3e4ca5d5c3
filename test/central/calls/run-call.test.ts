import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { pino } from 'pino'
import { z } from 'zod'
import { CatalogueError } from '#proto/contract/errors.ts'
import type { Approvals } from '../../../central/approvals/approvals.ts'
import type { Audit } from '../../../central/audit/audit.ts'
import { createRunCall, type IncomingCall } from '../../../central/calls/run-call.ts'
import type { AuditEvent } from '../../../central/domain/audit.ts'
import type { Effect } from '../../../central/domain/decide.ts'
import { limitsOf } from '../../../central/domain/plan.ts'
import { DEFAULT_POLICY } from '../../../central/domain/policy.ts'
import type { Fleet } from '../../../central/fleet/fleet.ts'
import type { Plans } from '../../../central/plans/plans.ts'
import type { ToolContext } from '../../../central/tools/context.ts'
import { defineTool } from '../../../central/tools/define.ts'
import { principal, stillClock } from '../../helpers/principals.ts'

const HINTS = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false }

type Trace = string[]

/** A tool that leaves a trace of what it was allowed to do. */
const traced = (trace: Trace, effect?: Effect) =>
  defineTool({
    id: 'mttrly_traced',
    title: 'Traced',
    description: 'x',
    scope: effect ? 'execute' : 'read',
    plan: 'watchdog',
    annotations: HINTS,
    input: z.object({ server_id: z.string().default('srv_1'), text: z.string().default('') }),
    output: z.looseObject({}),
    subject: ({ server_id, text }) => ({ server_id, resource: `command:${text}` }),
    ...(effect && {
      effect: () => effect,
      request: () => {
        trace.push('request')
        const spec = { kind: 'decommission_server' as const, server_id: 'srv_1' }
        return { spec, words: { title: 't', effect: '', undo: '', reason: '' } }
      },
    }),
    handler: async () => {
      trace.push('handler')
      return { said: 'done' }
    },
  })

function setUp(effect: Effect | undefined, options: { auditFails?: 'opened' | 'closed'; handlerFails?: unknown } = {}) {
  const trace: Trace = []
  const lines: AuditEvent[] = []
  const tool = traced(trace, effect)
  const catalog = [
    options.handlerFails ? { ...tool, handler: async () => Promise.reject(options.handlerFails) } : tool,
    { id: 'mttrly_later' as const, title: 'Later', scope: 'read' as const, plan: 'watchdog' as const },
  ]
  const audit = {
    append: async (event: AuditEvent) => {
      if (event.event === `call.${options.auditFails}`)
        throw new CatalogueError('CONNECTION_ERROR', { storage: 'full' })
      lines.push(event)
      trace.push(event.event)
    },
  } as unknown as Audit
  const fleet = {
    get: async (_workspace: string, id: string) =>
      id === 'srv_1'
        ? { online: true, capabilityVersion: 1, lanes: [{ name: 'read', isolation: 'bubblewrap' }] }
        : undefined,
  } as unknown as Fleet
  const approvals = {
    urlOf: (id: string) => `http://localhost/approvals/${id}`,
    needsSignature: async () => false,
    request: async () => {
      trace.push('asked')
      return {
        id: 'act_1',
        server_id: 'srv_1',
        state: 'pending_approval',
        spec: { kind: 'decommission_server' },
        words: { title: 't' },
        created_at: 1,
        expires_at: 2,
      }
    },
  } as unknown as Approvals
  const workspace = {
    id: 'wsp_1',
    name: '',
    plan: 'deployment_crew' as const,
    limits: limitsOf('deployment_crew', {}),
    policy: DEFAULT_POLICY,
  }
  const runCall = createRunCall({
    plans: { get: async () => workspace } as unknown as Plans,
    audit,
    log: pino({ level: 'silent' }),
    toolRooms: { fleet, approvals, audit, catalog, clock: stillClock() } as unknown as ToolContext,
    runRead: () => async () => assert.fail('not used'),
  })
  const call = (changes: Partial<IncomingCall> = {}) =>
    runCall({
      requestId: 'req_1',
      tool: 'mttrly_traced',
      arguments: {},
      principal: principal(),
      signal: new AbortController().signal,
      progress: () => {},
      canElicitUrl: false,
      ...changes,
    })
  return { call, trace, lines }
}

const READ: Effect = { kind: 'read', lane: 'read', programs: ['uptime'] }
const CHANGE: Effect = { kind: 'change', why: 'It writes.', programs: ['touch'] }

describe('run-call', () => {
  test('what touches records alone is done, with a line before and after', async () => {
    const { call, trace } = setUp(undefined)
    assert.deepEqual(await call(), { kind: 'result', value: { said: 'done' } })
    assert.deepEqual(trace.toSorted(), ['call.closed', 'call.opened', 'handler'])
    assert.equal(trace.at(-1), 'call.closed')
  })

  test('a change is asked for, after its line is durable, and its handler never runs', async () => {
    const { call, trace } = setUp(CHANGE)
    const result = await call()
    assert.equal(result.kind === 'result' && result.value.status, 'pending_approval')
    assert.deepEqual(trace, ['call.opened', 'request', 'asked', 'call.closed'])
  })

  test('without a durable opening line there is no request for approval, and no answer', async () => {
    const { call, trace } = setUp(CHANGE, { auditFails: 'opened' })
    const result = await call()
    assert.equal(result.kind === 'error' && result.code, 'CONNECTION_ERROR')
    assert.deepEqual(trace, [])
  })

  test('a read may overlap its opening line, but its answer does not leave without one', async () => {
    const { call } = setUp(READ, { auditFails: 'opened' })
    const result = await call()
    assert.equal(result.kind === 'error' && result.code, 'CONNECTION_ERROR')
  })

  test('without a closing line no answer leaves', async () => {
    for (const effect of [undefined, READ, CHANGE]) {
      const { call } = setUp(effect, { auditFails: 'closed' })
      const result = await call()
      assert.equal(result.kind === 'error' && result.code, 'CONNECTION_ERROR')
    }
  })

  test('a refusal is written down with its code', async () => {
    const { call, lines, trace } = setUp(READ)
    const result = await call({ arguments: { server_id: 'srv_of_another' } })
    assert.equal(result.kind === 'error' && result.code, 'SERVER_NOT_FOUND')
    assert.deepEqual(
      lines.map(({ verdict, outcome }) => verdict ?? outcome),
      ['deny:SERVER_NOT_FOUND', 'error:SERVER_NOT_FOUND'],
    )
    assert.ok(!trace.includes('handler'))
  })

  test('bad arguments and unknown tools are written down too', async () => {
    const { call, lines } = setUp(READ)
    const bad = await call({ arguments: { text: 5 } })
    assert.equal(bad.kind === 'error' && bad.code, 'VALIDATION_ERROR')
    for (const tool of ['mttrly_nothing', 'mttrly_later', '__proto__']) {
      const unknown = await call({ tool })
      assert.equal(unknown.kind === 'error' && unknown.code, 'NOT_FOUND')
    }
    assert.deepEqual(
      lines.map(({ event }) => event),
      Array(4).fill('call.invalid'),
    )
  })

  test('a fault of ours says nothing but INTERNAL_ERROR', async () => {
    const { call, lines } = setUp(READ, { handlerFails: new Error('at /home/anna: password=hunter2') })
    const result = await call()
    assert.deepEqual(result, { kind: 'error', code: 'INTERNAL_ERROR', details: {}, requestId: 'req_1' })
    assert.ok(!JSON.stringify(lines).includes('hunter2'))
  })

  test('text that cannot be signed, started or stored is refused before anything happens', async () => {
    for (const text of ['a\0b', '\ud800']) {
      const { call, trace } = setUp(CHANGE)
      const result = await call({ arguments: { text } })
      assert.ok(result.kind === 'error' && result.code === 'VALIDATION_ERROR')
      assert.deepEqual(trace, ['call.invalid'])
    }
  })

  test('secrets in a subject do not reach the log', async () => {
    const { call, lines } = setUp(READ)
    await call({ arguments: { text: 'mysql --password=Tr0ub4dor-and-3-more' } })
    assert.ok(!JSON.stringify(lines).includes('Tr0ub4dor'))
    assert.ok(JSON.stringify(lines).includes('[redacted:'))
  })
})
