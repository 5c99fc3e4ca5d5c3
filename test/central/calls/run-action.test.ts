import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { pino } from 'pino'
import { CatalogueError, type ErrorCode } from '#proto/contract/errors.ts'
import { verifyGrant } from '#proto/contract/grant.ts'
import { LIMITS } from '#proto/contract/limits.ts'
import { createApprovals } from '../../../central/approvals/approvals.ts'
import { createAudit } from '../../../central/audit/audit.ts'
import { createLocalBus } from '../../../central/bus/bus.ts'
import { createPolicyNow } from '../../../central/calls/policy-now.ts'
import { createRunAction } from '../../../central/calls/run-action.ts'
import type { Action, ActionSpec } from '../../../central/domain/action.ts'
import { DEFAULT_POLICY, type Policy } from '../../../central/domain/policy.ts'
import { unseal } from '../../../central/domain/seal.ts'
import type { Fleet } from '../../../central/fleet/fleet.ts'
import type { Relay } from '../../../central/relay/relay.ts'
import { createActionsStore } from '../../../central/storage/actions.ts'
import { createAuditStore } from '../../../central/storage/audit.ts'
import type { Database } from '../../../central/storage/database.ts'
import { person, principal, stillClock } from '../../helpers/principals.ts'
import { forEachDatabase } from '../storage/for-each-database.ts'
import { seedWorkspace } from '../storage/seed.ts'

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const dataKey = randomBytes(32)
const WORDS = { title: 't', effect: '', undo: '', reason: '', why: '' }

const command: ActionSpec = {
  kind: 'command',
  server_id: 'srv_1',
  line: 'touch /tmp/x',
  argv: ['/bin/sh', '-c', 'touch /tmp/x'],
  cwd: '/',
  env: {},
  user: '',
  terminal: false,
  timeout_ms: 1000,
}

type Sent = { request: { grant: Buffer; signature: Buffer }; options: NonNullable<Parameters<Relay['call']>[3]> }
type Agent = (sent: Sent) => Promise<unknown>

const exited = (exitCode = 0) => ({
  state: 'RUN_STATE_EXITED',
  exitCode,
  signal: '',
  startedAt: 1,
  durationMs: 5,
  outputBytes: 3,
  outputSha256: 'a'.repeat(64),
  outputKept: 3,
  redactions: 0,
  survivors: [],
  isolation: 'ISOLATION_NONE',
  detail: '',
})

async function setUp(db: Database, agent: Agent) {
  await seedWorkspace(db)
  const clock = stillClock()
  const bus = createLocalBus()
  const actions = createActionsStore(db)
  const audit = createAudit({ store: createAuditStore(db), clock, checkpointKey: privateKey })
  const now: { policy: Policy } = { policy: DEFAULT_POLICY }
  const policyOf = async () => now.policy
  const mustBePermitted = createPolicyNow(policyOf)
  const approvals = createApprovals({
    store: actions,
    audit,
    bus,
    clock,
    channels: [{ name: 'console', deliver: async () => true }],
    approversOf: async () => [{ user_id: 'usr_anna', email: '' }],
    policyOf,
    mustBePermitted,
    signersOf: async () => null,
    publicUrl: 'http://localhost',
  })
  const sent: Sent[] = []
  const acknowledged: string[] = []
  const relay = {
    call: (_server: string, _method: string, request: Sent['request'], options: Sent['options']) => {
      sent.push({ request, options })
      return agent({ request, options })
    },
    acknowledge: async (_server: string, id: string) => void acknowledged.push(id),
  } as unknown as Relay
  const fleet = {
    decommission: async (): Promise<void> => {},
    regenerate: async () => ({ command: 'secret one-liner', expires_at: 1 }),
  } as unknown as Fleet
  const log = pino({ level: 'silent' })
  const runAction = createRunAction({
    ...{ actions, audit, relay, fleet, bus, clock, log, mustBePermitted },
    ...{ actionKey: privateKey, dataKey },
  })
  const approved = async (spec: ActionSpec = command): Promise<Action> => {
    const { id, digest } = await approvals.request(principal(), 'req_1', spec, WORDS)
    return approvals.decide({ by: person(), actionId: id, decision: 'approve', proof: 'totp', digest })
  }
  const stateOf = async (id: string) => (await approvals.get('wsp_1', id)).state
  const events = async () => (await audit.list('wsp_1', { limit: 50 })).map(({ body }) => body.event)
  return { approvals, actions, audit, bus, clock, fleet, now, runAction, approved, sent, acknowledged, stateOf, events }
}

/** Set between the approval and the start. */
const POLICIES: [name: string, policy: Partial<Policy>][] = [
  ['read_only', { read_only: true }],
  ['a denied program', { denied_programs: ['touch'] }],
  ['two_person, where the person who asked has approved', { two_person: true }],
]

const refusal = (code: ErrorCode, reason?: string) => Promise.reject(new CatalogueError(code, { by: 'agent', reason }))
const lost = () => Promise.reject(new CatalogueError('CONNECTION_ERROR', { lost: true }))

forEachDatabase('run-action', (open) => {
  for (const [name, policy] of POLICIES)
    test(`what policy forbids by now is not begun, by whoever would begin it: ${name}`, async () => {
      const t = await setUp(await open(), async () => exited())
      const [first, second] = [await t.approved(), await t.approved()]
      t.now.policy = { ...DEFAULT_POLICY, ...policy }
      await t.runAction.start(first)
      await t.runAction.sweep()
      for (const { id } of [first, second]) assert.equal(await t.stateOf(id), 'cancelled')
      assert.deepEqual(t.sent, [])
      const { outcome } = await t.approvals.get('wsp_1', first.id)
      assert.match(outcome?.detail ?? '', /forbids it by now; nothing was executed/)
      assert.deepEqual((await t.events()).slice(0, 2), ['action.finished', 'action.finished'])
    })

  test('sends the stored bytes under a grant for this server, stores output and outcome, then lets the agent forget', async () => {
    const t = await setUp(await open(), async ({ options }) => {
      await options.onOutput?.(0, Buffer.from('out'))
      return exited()
    })
    const action = await t.approved()
    await t.runAction.start(action)
    assert.equal(await t.stateOf(action.id), 'succeeded')
    assert.equal((await t.actions.readOutput(action.id, 0, 10)).toString(), 'out')
    assert.deepEqual(t.acknowledged, [action.id])
    const [first] = t.sent
    assert.equal(first?.options.id, action.id)
    const check = verifyGrant(first?.request ?? assert.fail(), {
      key: publicKey,
      serverId: 'srv_1',
      now: t.clock.now(),
    })
    assert.ok(check.ok)
    assert.deepEqual(check.grant.argv, command.argv)
    assert.equal(check.grant.start_before, t.clock.now() + LIMITS.startWithin)
    const events = (await t.audit.list('wsp_1', { limit: 9 })).map(({ body }) => body.event)
    assert.deepEqual(events, ['action.finished', 'action.started', 'action.decided', 'action.requested'])
  })

  test('started by several at once, it is sent once', async () => {
    const t = await setUp(await open(), async () => exited())
    const action = await t.approved()
    await Promise.all([t.runAction.start(action), t.runAction.start(action), t.runAction.start(action)])
    assert.equal(t.sent.length, 1)
  })

  const ends: [string, Agent, string][] = [
    ['another exit code', async () => exited(3), 'failed'],
    ['a time-out', async () => ({ ...exited(), state: 'RUN_STATE_TIMED_OUT' }), 'timed_out'],
    ['an end by signal', async () => ({ ...exited(), state: 'RUN_STATE_SIGNALLED', signal: 'SIGKILL' }), 'failed'],
    ['an outcome that the agent cannot know', async () => ({ ...exited(), state: 'RUN_STATE_UNKNOWN' }), 'unknown'],
    ['a run that was never started', async () => ({ ...exited(), state: 'RUN_STATE_NOT_STARTED' }), 'failed'],
    ["the agent's refusal", () => Promise.reject(new CatalogueError('POLICY_DENIED', { by: 'agent' })), 'failed'],
    ['a grant that the agent has seen before', () => refusal('POLICY_DENIED', 'grant_used'), 'unknown'],
    ['an agent that is too busy to look', () => refusal('RATE_LIMITED'), 'running'],
    ['an agent that could not find out', () => refusal('INTERNAL_ERROR'), 'running'],
    ['a lost stream', lost, 'running'],
    ['an absent server', () => Promise.reject(new CatalogueError('SERVER_OFFLINE')), 'running'],
  ]
  for (const [name, agent, state] of ends) {
    test(`${name}: ${state}`, async () => {
      const t = await setUp(await open(), agent)
      const action = await t.approved()
      await t.runAction.start(action)
      assert.equal(await t.stateOf(action.id), state)
    })
  }

  test("a refusal by the host's policy says why, whoever looks", async () => {
    const why = 'policy.yaml approvals is central or signed'
    const t = await setUp(await open(), () => refusal('POLICY_DENIED', `${why}\u202e`))
    const action = await t.approved()
    await t.runAction.start(action)
    const { outcome } = await t.approvals.get('wsp_1', action.id)
    assert.equal(outcome?.detail, `Nothing was executed. The host refused it: ${why}\\u{202e}`)
  })

  test('when the server is back, the same request goes out again, from where its output ended', async () => {
    let tries = 0
    const t = await setUp(await open(), async ({ options }) => {
      tries += 1
      await options.onOutput?.(tries === 1 ? 0 : 2, Buffer.from(tries === 1 ? 'abc' : 'cde'))
      return tries === 1 ? lost() : exited()
    })
    const action = await t.approved()
    await t.runAction.start(action)
    t.bus.publish('hello', { server_id: 'srv_1', unacknowledged: [action.id] })
    await t.approvals.waitFor('wsp_1', action.id, {
      enough: (s) => s === 'succeeded',
      ms: 5000,
      signal: new AbortController().signal,
    })
    const [first, second] = t.sent
    assert.deepEqual(second?.request.grant, first?.request.grant)
    assert.equal(second?.options.id, action.id)
    assert.equal(second?.options.outputFrom, 3)
    assert.equal((await t.actions.readOutput(action.id, 0, 10)).toString(), 'abcde')
  })

  test('what the agent holds for an action that is over, it may forget', async () => {
    const t = await setUp(await open(), async () => exited())
    const action = await t.approved()
    await t.runAction.start(action)
    t.acknowledged.length = 0
    t.bus.publish('hello', { server_id: 'srv_1', unacknowledged: [action.id, 'act_never_heard_of'] })
    while (t.acknowledged.length < 2) await turn()
    assert.deepEqual(t.acknowledged, [action.id, 'act_never_heard_of'])
    assert.equal(t.sent.length, 1)
  })

  test('after a restart, what was approved lately starts and what was approved long ago does not', async () => {
    const t = await setUp(await open(), async () => exited())
    const old = await t.approved()
    t.clock.advance(LIMITS.startWithin + 1)
    const fresh = await t.approved()
    await t.runAction.sweep()
    assert.equal(await t.stateOf(old.id), 'expired')
    assert.equal(await t.stateOf(fresh.id), 'succeeded')
    assert.deepEqual(
      t.sent.map(({ options }) => options.id),
      [fresh.id],
    )
  })

  test('cancelling a run aborts its request, and the run itself says how it ended', async () => {
    const t = await setUp(await open(), async ({ options }) => {
      await new Promise((resolve) => options.signal?.addEventListener('abort', resolve))
      return { ...exited(), state: 'RUN_STATE_CANCELLED' }
    })
    const action = await t.approved()
    const running = t.runAction.start(action)
    while (t.sent.length === 0) await turn()
    await t.runAction.cancel(action.id)
    await running
    assert.equal(await t.stateOf(action.id), 'cancelled')
  })

  test('a new install command is kept sealed', async () => {
    const db = await open()
    const t = await setUp(db, async () => exited())
    const action = await t.approved({ kind: 'regenerate_install_token', server_id: 'srv_1' })
    await t.runAction.start(action)
    const row = await db.kysely
      .selectFrom('actions')
      .select('outcome')
      .where('id', '=', action.id)
      .executeTakeFirstOrThrow()
    assert.ok(!row.outcome?.includes('one-liner'))
    const { outcome } = await t.approvals.get('wsp_1', action.id)
    const opened = unseal(dataKey, `outcome:${action.id}`, Buffer.from(outcome?.sealed ?? '', 'base64'))
    assert.equal(JSON.parse(opened.toString()).command, 'secret one-liner')
  })

  const absent = () => Promise.reject(new CatalogueError('SERVER_OFFLINE', { server_id: 'srv_1', sent: false }))

  test('what never left for the agent has failed once its time to start is over', async () => {
    const t = await setUp(await open(), absent)
    const action = await t.approved()
    await t.runAction.start(action)
    assert.equal(await t.stateOf(action.id), 'running')
    t.clock.advance(LIMITS.startWithin + 1)
    await t.runAction.sweep()
    assert.equal(await t.stateOf(action.id), 'failed')
  })

  test('what may have reached the agent is not said to have failed because the server is away', async () => {
    let tries = 0
    const t = await setUp(await open(), () => (++tries === 1 ? lost() : absent()))
    const action = await t.approved()
    await t.runAction.start(action)
    t.clock.advance(LIMITS.startWithin + 1)
    await t.runAction.sweep()
    assert.equal(await t.stateOf(action.id), 'running')
  })

  test('cancelled while it waits for its server, it never runs', async () => {
    let there = false
    const t = await setUp(await open(), () => (there ? Promise.resolve(exited()) : absent()))
    const action = await t.approved()
    await t.runAction.start(action)
    await t.runAction.cancel(action.id)
    there = true
    while ((await t.stateOf(action.id)) === 'running') await turn()
    t.bus.publish('hello', { server_id: 'srv_1', unacknowledged: [] })
    await t.runAction.sweep()
    assert.equal(await t.stateOf(action.id), 'cancelled')
    assert.equal(t.sent.length, 1)
  })

  test('cancelled while its stream is lost, its request is aborted as soon as it is asked again', async () => {
    let tries = 0
    const t = await setUp(await open(), async ({ options }) => {
      tries += 1
      if (tries === 1) return lost()
      if (tries === 2) return absent()
      await turn()
      return { ...exited(), state: options.signal?.aborted ? 'RUN_STATE_CANCELLED' : 'RUN_STATE_EXITED' }
    })
    const action = await t.approved()
    await t.runAction.start(action)
    await t.runAction.cancel(action.id)
    while (tries < 2) await turn()
    await t.runAction.sweep()
    while ((await t.stateOf(action.id)) === 'running') await t.runAction.sweep()
    assert.equal(await t.stateOf(action.id), 'cancelled')
  })

  test('a database that fails between the closing line and the record has the line written once', async () => {
    const t = await setUp(await open(), async () => exited())
    const action = await t.approved()
    const { move } = t.actions
    let failures = 1
    t.actions.move = async (...args) => {
      if (args[2] === 'succeeded' && failures-- > 0) throw new CatalogueError('CONNECTION_ERROR', { storage: 'locked' })
      return move(...args)
    }
    await t.runAction.start(action)
    assert.equal(await t.stateOf(action.id), 'succeeded')
    assert.equal((await t.events()).filter((name) => name === 'action.finished').length, 1)
  })

  test("a refusal of Central's own work is its end: it is not tried again when the server has gone", async () => {
    const t = await setUp(await open(), async () => exited())
    let tries = 0
    t.fleet.regenerate = async () => {
      tries += 1
      throw new CatalogueError('SERVER_ONLINE', { server_id: 'srv_1' })
    }
    const action = await t.approved({ kind: 'regenerate_install_token', server_id: 'srv_1' })
    await t.runAction.start(action)
    await t.runAction.sweep()
    assert.equal(await t.stateOf(action.id), 'failed')
    assert.equal(tries, 1)
  })

  test("Central's own work that a crash cut off long ago is unknown, and not done later by surprise", async () => {
    const t = await setUp(await open(), async () => exited())
    let tries = 0
    t.fleet.regenerate = async () => {
      tries += 1
      throw new Error('the process dies here')
    }
    const action = await t.approved({ kind: 'regenerate_install_token', server_id: 'srv_1' })
    await assert.rejects(t.runAction.start(action))
    t.clock.advance(LIMITS.startWithin + 1)
    await t.runAction.sweep()
    assert.equal(await t.stateOf(action.id), 'unknown')
    assert.equal(tries, 1)
  })

  test('a decommissioning that a crash cut off behind its commit has succeeded', async () => {
    const t = await setUp(await open(), async () => exited())
    let tries = 0
    t.fleet.decommission = async () => {
      if (++tries === 1) throw new Error('the process dies here')
      throw new CatalogueError('SERVER_NOT_FOUND', { server_id: 'srv_1' })
    }
    const action = await t.approved({ kind: 'decommission_server', server_id: 'srv_1' })
    await assert.rejects(t.runAction.start(action))
    await t.runAction.sweep()
    assert.equal(await t.stateOf(action.id), 'succeeded')
  })

  test('a record that is not what its digest says does not run', async () => {
    const db = await open()
    const t = await setUp(db, async () => exited())
    const { id } = await t.approved()
    const canonical = JSON.stringify({ ...command, argv: ['/bin/sh', '-c', 'rm -rf /'] })
    await db.kysely.updateTable('actions').set({ canonical }).where('id', '=', id).execute()
    await t.runAction.sweep()
    assert.equal(t.sent.length, 0)
    t.clock.advance(LIMITS.startWithin + 1)
    await t.runAction.sweep()
    assert.equal(await t.stateOf(id), 'expired')
  })

  test('an agent that sends more than may be kept fills no disk', async () => {
    const t = await setUp(await open(), async ({ options }) => {
      await options.onOutput?.(0, Buffer.alloc(LIMITS.keptOutput - 1))
      await options.onOutput?.(LIMITS.keptOutput - 1, Buffer.alloc(10))
      await options.onOutput?.(LIMITS.keptOutput + 9, Buffer.alloc(10))
      return exited()
    })
    const action = await t.approved()
    await t.runAction.start(action)
    assert.equal(await t.stateOf(action.id), 'succeeded')
    assert.equal(await t.actions.outputEnd(action.id), LIMITS.keptOutput)
  })

  test("an agent's words are bounded and neutralised before they are written down", async () => {
    const evil = `\u001b]52;c;aGk=\u0007${'x'.repeat(5_000)}`
    const survivors = Array.from({ length: 500 }, (_, pid) => ({ pid, command: evil }))
    const t = await setUp(await open(), async () => ({
      ...exited(),
      outputSha256: evil,
      signal: evil,
      detail: evil,
      survivors,
    }))
    const action = await t.approved()
    await t.runAction.start(action)
    const { outcome } = await t.approvals.get('wsp_1', action.id)
    assert.equal(outcome?.output_sha256, undefined)
    assert.ok((outcome?.survivors?.length ?? 0) <= 50)
    const written = JSON.stringify(outcome)
    assert.ok(!written.includes('\\u001b') && written.length < 50 * 2_200)
    assert.ok((outcome?.detail?.length ?? 0) < 2_100)
  })
})
