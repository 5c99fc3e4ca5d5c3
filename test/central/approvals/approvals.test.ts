import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { CatalogueError } from '#proto/contract/errors.ts'
import { LIMITS } from '#proto/contract/limits.ts'
import { type Channel, createApprovals } from '../../../central/approvals/approvals.ts'
import { createAudit } from '../../../central/audit/audit.ts'
import { createLocalBus } from '../../../central/bus/bus.ts'
import { createPolicyNow } from '../../../central/calls/policy-now.ts'
import { type ActionSpec, isTerminal } from '../../../central/domain/action.ts'
import { DEFAULT_POLICY, type Policy } from '../../../central/domain/policy.ts'
import { createActionsStore } from '../../../central/storage/actions.ts'
import { createAuditStore } from '../../../central/storage/audit.ts'
import type { Database } from '../../../central/storage/database.ts'
import { person, principal, stillClock } from '../../helpers/principals.ts'
import { forEachDatabase } from '../storage/for-each-database.ts'
import { seedWorkspace } from '../storage/seed.ts'

const { privateKey } = generateKeyPairSync('ed25519')
const WORDS = { title: 'touch /tmp/x', effect: 'It writes.', undo: 'rm /tmp/x', reason: '', why: 'It writes.' }
const spec = (line = 'touch /tmp/x'): ActionSpec => ({
  kind: 'command',
  server_id: 'srv_1',
  line,
  argv: ['/bin/sh', '-c', line],
  cwd: '/',
  env: {},
  user: '',
  terminal: false,
  timeout_ms: 1000,
})
const inConsole: Channel = { name: 'console', deliver: async () => true }

async function setUp(
  db: Database,
  changes: { policy?: Partial<Policy>; channels?: Channel[]; approvers?: string[] } = {},
) {
  await seedWorkspace(db)
  const clock = stillClock()
  const policyOf = async () => ({ ...DEFAULT_POLICY, ...changes.policy })
  const audit = createAudit({ store: createAuditStore(db), clock, checkpointKey: privateKey })
  const approvals = createApprovals({
    store: createActionsStore(db),
    audit,
    bus: createLocalBus(),
    clock,
    channels: changes.channels ?? [inConsole],
    approversOf: async () =>
      (changes.approvers ?? ['usr_anna', 'usr_ben']).map((user_id) => ({ user_id, email: `${user_id}@example.org` })),
    policyOf,
    mustBePermitted: createPolicyNow(policyOf),
    signersOf: async () => null,
    publicUrl: 'http://localhost:8080',
  })
  return { approvals, audit, clock, ask: () => approvals.request(principal(), 'req_1', spec(), WORDS) }
}

const refused = (code: string) => (error: unknown) => error instanceof CatalogueError && error.code === code

forEachDatabase('approvals', (open) => {
  test('a person with a fresh proof approves what was shown', async () => {
    const { approvals, ask, audit } = await setUp(await open())
    const { id, digest } = await ask()
    const done = await approvals.decide({ by: person(), actionId: id, decision: 'approve', proof: 'totp', digest })
    assert.equal(done.state, 'approved')
    assert.equal(done.decision?.by_user_id, 'usr_anna')
    const events = (await audit.list('wsp_1', { limit: 10 })).map(({ body }) => body.event)
    assert.deepEqual(events, ['action.decided', 'action.requested'])
  })

  test('of two approvers who race, one wins', async () => {
    const { approvals, ask } = await setUp(await open())
    const { id, digest } = await ask()
    const deciding = ['usr_anna', 'usr_ben', 'usr_anna', 'usr_ben'].map((userId, i) =>
      approvals.decide({
        by: person({ userId }),
        actionId: id,
        decision: i % 2 ? 'reject' : 'approve',
        proof: 'passkey',
        digest,
      }),
    )
    const settled = await Promise.allSettled(deciding)
    assert.equal(settled.filter(({ status }) => status === 'fulfilled').length, 1)
    for (const outcome of settled)
      if (outcome.status === 'rejected') assert.ok(refused('ACTION_NOT_FOUND')(outcome.reason))
  })

  const wrong: [string, Parameters<typeof person>[0], { proof?: 'none' | 'totp'; digest?: string }, string][] = [
    ['an API key', { credential: 'api_key' }, {}, 'FORBIDDEN'],
    ['an OAuth client', { credential: 'oauth' }, {}, 'FORBIDDEN'],
    ['an operator', { role: 'operator' }, {}, 'FORBIDDEN'],
    ['a viewer', { role: 'viewer' }, {}, 'FORBIDDEN'],
    ['a person without proof', {}, { proof: 'none' }, 'TWO_FACTOR_REQUIRED'],
    ['a person who was shown something else', {}, { digest: '0'.repeat(64) }, 'VALIDATION_ERROR'],
    ['a person of another workspace', { workspaceId: 'wsp_2' }, {}, 'ACTION_NOT_FOUND'],
  ]
  for (const [name, by, asked, code] of wrong) {
    test(`${name} cannot approve: ${code}`, async () => {
      const { approvals, ask } = await setUp(await open())
      const { id, digest } = await ask()
      const request = {
        by: person(by),
        actionId: id,
        decision: 'approve' as const,
        proof: 'totp' as const,
        digest,
        ...asked,
      }
      await assert.rejects(approvals.decide(request), refused(code))
      assert.equal((await approvals.get('wsp_1', id)).state, 'pending_approval')
    })
  }

  test('two_person: the one who asked cannot approve, another member can', async () => {
    const { approvals, ask } = await setUp(await open(), { policy: { two_person: true } })
    const { id, digest } = await ask()
    const request = { actionId: id, decision: 'approve' as const, proof: 'totp' as const, digest }
    await assert.rejects(approvals.decide({ ...request, by: person() }), refused('FORBIDDEN'))
    assert.equal((await approvals.decide({ ...request, by: person({ userId: 'usr_ben' }) })).state, 'approved')
  })

  test('when nobody can be asked, the action fails closed and says so', async () => {
    const silent: Channel = { name: 'silent', deliver: async () => false }
    const broken: Channel = { name: 'broken', deliver: async () => Promise.reject(new Error('no route')) }
    const db = await open()
    for (const changes of [
      { channels: [silent, broken] },
      { approvers: [] },
      { policy: { two_person: true }, approvers: ['usr_anna'] },
    ]) {
      const { approvals, ask } = await setUp(db, changes)
      const error = await ask().then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
      assert.ok(refused('APPROVAL_NOTIFICATION_FAILED')(error))
      const { action_id } = (error as CatalogueError).details
      assert.equal((await approvals.get('wsp_1', String(action_id))).state, 'notification_failed')
    }
  })

  test('after 30 minutes it has expired: for reading, deciding and cancelling', async () => {
    const { approvals, ask, clock } = await setUp(await open())
    const { id, digest } = await ask()
    clock.advance(LIMITS.actionLife)
    await assert.rejects(
      approvals.decide({ by: person(), actionId: id, decision: 'approve', proof: 'totp', digest }),
      refused('ACTION_EXPIRED'),
    )
    await assert.rejects(approvals.cancel(principal(), id), refused('ACTION_EXPIRED'))
    assert.equal((await approvals.get('wsp_1', id)).state, 'expired')
    assert.deepEqual(await approvals.list('wsp_1', { state: ['pending_approval'], limit: 10 }), [])
  })

  test('a cancelled action cannot be approved', async () => {
    const { approvals, ask } = await setUp(await open())
    const { id, digest } = await ask()
    assert.equal((await approvals.cancel(principal(), id)).state, 'cancelled')
    await assert.rejects(
      approvals.decide({ by: person(), actionId: id, decision: 'approve', proof: 'totp', digest }),
      refused('ACTION_NOT_FOUND'),
    )
  })

  test('asking twice makes two actions', async () => {
    const { ask } = await setUp(await open())
    const [one, two] = [await ask(), await ask()]
    assert.notEqual(one.id, two.id)
    assert.equal(one.digest, two.digest)
  })

  test('waiting ends with the decision, with its time, and with its caller', async () => {
    const { approvals, ask } = await setUp(await open())
    const { id, digest } = await ask()
    const signal = new AbortController().signal
    const waiting = approvals.waitFor('wsp_1', id, { enough: isTerminal, ms: 60_000, signal })
    await approvals.decide({ by: person(), actionId: id, decision: 'reject', proof: 'none', digest })
    assert.equal((await waiting).state, 'rejected')
    const second = await ask()
    const wait = { enough: isTerminal, ms: 20, signal }
    assert.equal((await approvals.waitFor('wsp_1', second.id, wait)).state, 'pending_approval')
    const gone = { enough: isTerminal, ms: 60_000, signal: AbortSignal.abort() }
    assert.equal((await approvals.waitFor('wsp_1', second.id, gone)).state, 'pending_approval')
  })

  test('many who notice that its time is over write one line', async () => {
    const { approvals, ask, clock, audit } = await setUp(await open())
    const { id } = await ask()
    clock.advance(LIMITS.actionLife)
    const list = () => approvals.list('wsp_1', { limit: 10 })
    await Promise.all([
      approvals.get('wsp_1', id),
      approvals.sweep(),
      list(),
      approvals.get('wsp_1', id),
      approvals.sweep(),
    ])
    const events = (await audit.list('wsp_1', { limit: 10 })).map(({ body }) => body.event)
    assert.deepEqual(events, ['action.expired', 'action.requested'])
  })

  test('a decision that lost the race is written down as one that does not hold', async () => {
    const { approvals, ask, audit } = await setUp(await open())
    const { id, digest } = await ask()
    const decide = (userId: string, decision: 'approve' | 'reject') =>
      approvals.decide({ by: person({ userId }), actionId: id, decision, proof: 'totp', digest })
    await Promise.allSettled([
      decide('usr_anna', 'approve'),
      decide('usr_ben', 'reject'),
      approvals.cancel(principal(), id),
    ])
    const { state } = await approvals.get('wsp_1', id)
    const lines = (await audit.list('wsp_1', { limit: 20 })).map(({ body }) => body)
    const decided = lines.filter(({ event }) => event === 'action.decided')
    const voided = decided.filter(({ outcome }) => outcome !== undefined).map(({ verdict }) => verdict)
    const stand = decided.map(({ verdict }) => verdict).filter((verdict) => !voided.includes(verdict))
    assert.deepEqual(stand, [state])
  })

  test('a policy that was set after the request holds for the approval', async () => {
    const db = await open()
    const { ask } = await setUp(db)
    const { id, digest } = await ask()
    const request = { by: person(), actionId: id, decision: 'approve' as const, proof: 'totp' as const, digest }
    for (const policy of [{ read_only: true }, { denied_programs: ['mkfs', 'touch'] }]) {
      const { approvals } = await setUp(db, { policy })
      await assert.rejects(approvals.decide(request), refused('POLICY_DENIED'))
      assert.equal((await approvals.get('wsp_1', id)).state, 'pending_approval')
    }
    const { approvals } = await setUp(db, { policy: { denied_programs: ['mkfs'] } })
    assert.equal((await approvals.decide(request)).state, 'approved')
  })

  test('one credential cannot flood the people who decide; another is not held up by it', async () => {
    const { approvals, ask } = await setUp(await open())
    for (let i = 0; i < 50; i++) await ask()
    await assert.rejects(ask(), refused('RATE_LIMITED'))
    const other = await approvals.request(principal({ grantId: 'grant-2' }), 'req_1', spec(), WORDS)
    assert.equal(other.state, 'pending_approval')
    await approvals.cancel(principal(), other.id)
  })

  test('what nobody could be asked about is written down as ended', async () => {
    const { ask, audit } = await setUp(await open(), { approvers: [] })
    await assert.rejects(ask(), refused('APPROVAL_NOTIFICATION_FAILED'))
    const [line] = await audit.list('wsp_1', { limit: 1 })
    assert.equal(line?.body.outcome, 'notification_failed')
  })
})
