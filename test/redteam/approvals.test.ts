// Attacks on approvals, against a whole Central. Each case states what must hold, whatever the way in.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, type TestContext, test } from 'node:test'
import { type Booted, bootCentral } from '../helpers/boot-central.ts'
import { createCsr } from '../helpers/csr.ts'
import { connectMcp, type Mcp } from '../helpers/mcp.ts'

let booted: Booted
const stops: (() => unknown)[] = []
let ahead = 0
let owner: Awaited<ReturnType<Booted['member']>>
let viewer: typeof owner
let key: string

before(async () => {
  const later: Pick<TestContext, 'after'> = { after: (work) => void stops.push(work as () => unknown) }
  booted = await bootCentral(later, {
    outside: {
      clock: { now: () => Date.now() + ahead },
      rates: { calls: { burst: 1_000, perSecond: 100 }, requests: { burst: 1_000, perSecond: 100 } },
    },
  })
  owner = await booted.member('anna')
  viewer = await booted.member('vera', 'viewer')
  await owner.signIn()
  await viewer.signIn()
  key = await booted.apiKey(owner.userId)
})
/** So that a refusal is never that of a code from too far ahead, or of too many wrong ones. */
beforeEach(() => {
  ahead += 10 * 60_000
})
after(async () => {
  for (const stop of stops) await stop()
})

/** A server that was enrolled and never came: what may be decommissioned. */
async function offlineServer(hostname = 'web-1'): Promise<string> {
  const { central, workspaceId } = booted
  const { token } = await central.fleet.createInstallToken({ workspaceId, createdBy: owner.userId })
  const { csrPem } = await createCsr()
  return (await central.fleet.enrol({ token, csr_pem: csrPem, hostname })).server_id
}

async function withMcp<T>(token: string, work: (mcp: Mcp) => Promise<T>): Promise<T> {
  const mcp = await connectMcp(booted.url, token)
  try {
    return await work(mcp)
  } finally {
    await mcp.close()
  }
}

async function pendingAction(): Promise<{ id: string; serverId: string }> {
  const serverId = await offlineServer()
  const { action_id } = await withMcp(key, (mcp) => mcp.value('decommission_server', { server_id: serverId }))
  return { id: String(action_id), serverId }
}

const stateOf = async (id: string) => (await booted.central.approvals.get(booted.workspaceId, id)).state
const nothingRan = async ({ id, serverId }: { id: string; serverId: string }) => {
  assert.equal(await stateOf(id), 'pending_approval')
  assert.ok(await booted.central.fleet.get(booted.workspaceId, serverId))
}

describe('an action does not run', () => {
  test('because the credential that asked also wishes to approve', async () => {
    const action = await pendingAction()
    await withMcp(key, async (mcp) => {
      for (let i = 0; i < 3; i++)
        await mcp.call('approve_action', { action_id: action.id, decision: 'approve', wait_s: 0 })
    })
    await nothingRan(action)
  })

  test('because a link was opened, by whatever method opens links', async () => {
    const action = await pendingAction()
    const path = `/approvals/${action.id}`
    for (const method of ['GET', 'HEAD', 'OPTIONS'])
      await owner.send(`${path}?decision=approve&code=${owner.code()}`, { method })
    await nothingRan(action)
  })

  test('with a bearer token in place of a session', async () => {
    const action = await pendingAction()
    const form = await owner.formOf(`/approvals/${action.id}`)
    const answer = await fetch(new URL(`/approvals/${action.id}`, booted.url), {
      method: 'POST',
      redirect: 'manual',
      headers: { authorization: `Bearer ${key}`, 'sec-fetch-site': 'same-origin' },
      body: new URLSearchParams({ ...form, decision: 'approve', code: owner.code() }),
    })
    assert.equal(answer.status, 303)
    assert.match(answer.headers.get('location') ?? '', /sign-in/)
    await nothingRan(action)
  })

  const forms: [string, Record<string, string>][] = [
    ['without a code', { code: '' }],
    ['with a wrong code', { code: '000000' }],
    ['with a recovery code', { code: 'abcd-efgh-ijkl' }],
    ['with a form of another session', { csrf: 'x'.repeat(43) }],
    ['with the digest of something else', { digest: '0'.repeat(64) }],
    ['with no digest', { digest: '' }],
    ['with a passkey answer that is none', { code: '', passkey: '{"id":"x"}' }],
  ]
  for (const [name, changes] of forms) {
    test(name, async () => {
      const action = await pendingAction()
      assert.ok((await owner.decide(action.id, 'approve', changes)).status >= 400)
      await nothingRan(action)
    })
  }

  test('with a form that another site sent', async () => {
    const action = await pendingAction()
    const form = await owner.formOf(`/approvals/${action.id}`)
    const answer = await owner.send(`/approvals/${action.id}`, {
      method: 'POST',
      body: new URLSearchParams({ ...form, decision: 'approve', code: owner.code() }),
      headers: { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
    })
    assert.equal(answer.status, 403)
    await nothingRan(action)
  })

  test('because a viewer with a good second factor says so', async () => {
    const action = await pendingAction()
    const form = await viewer.formOf(`/approvals/${action.id}`)
    const digest = (await booted.central.approvals.get(booted.workspaceId, action.id)).digest
    const answer = await viewer.post(`/approvals/${action.id}`, {
      ...form,
      ...(await viewer.formOf('/account')),
      digest,
      decision: 'approve',
      code: viewer.code(),
    })
    assert.ok(answer.status >= 400)
    await nothingRan(action)
  })

  test('with a code that has approved another one already', async () => {
    const [first, second] = [await pendingAction(), await pendingAction()]
    const code = owner.code()
    assert.equal((await owner.decide(first.id, 'approve', { code })).status, 303)
    assert.ok((await owner.decide(second.id, 'approve', { code })).status >= 400)
    await nothingRan(second)
  })

  test('under two_person, for the person whose key asked; it does for another', async () => {
    const { central, workspaceId } = booted
    const { policy } = await central.plans.get(workspaceId)
    const ben = await booted.member('ben', 'approver')
    await ben.signIn()
    await central.plans.setPolicy(workspaceId, { ...policy, two_person: true })
    try {
      const action = await pendingAction()
      const { digest } = await central.approvals.get(workspaceId, action.id)
      const answer = await owner.decide(action.id, 'approve', { ...(await owner.formOf('/account')), digest })
      assert.ok(answer.status >= 400)
      await nothingRan(action)
      assert.equal((await ben.decide(action.id, 'approve')).status, 303)
    } finally {
      await central.plans.setPolicy(workspaceId, policy)
    }
  })
})

describe('a credential that may only look', () => {
  const asks: [string, Record<string, unknown>][] = [
    ['execute_command', { server_id: 'srv_x', command: 'uptime' }],
    ['execute_command', { server_id: 'srv_x', command: 'touch /tmp/x' }],
    ['decommission_server', { server_id: 'srv_x' }],
    ['regenerate_install_token', { server_id: 'srv_x' }],
  ]
  for (const [tool, args] of asks) {
    test(`a viewer's full key cannot ask for ${tool} ${args.command ?? ''}`, async () => {
      const full = await booted.apiKey(viewer.userId)
      assert.equal(await withMcp(full, (mcp) => mcp.code(tool, args)), 'FORBIDDEN')
    })
  }

  test("neither rejects nor cancels another's action with a viewer's key", async () => {
    const action = await pendingAction()
    const full = await booted.apiKey(viewer.userId)
    await withMcp(full, async (mcp) => {
      const rejected = await mcp.code('approve_action', { action_id: action.id, decision: 'reject' })
      const cancelled = await mcp.code('cancel_action', { action_id: action.id })
      assert.deepEqual([rejected, cancelled], ['FORBIDDEN', 'FORBIDDEN'])
    })
    await nothingRan(action)
  })
})

describe('what is not there', () => {
  test('an id of another workspace answers as one that never existed', async () => {
    const { central } = booted
    const elsewhere = await central.stores.workspaces.create({
      name: 'Other',
      plan: 'deployment_crew',
      overrides: {},
      policy: { read_only: false, two_person: false, denied_programs: [] },
      createdAt: Date.now(),
    })
    const { token } = await central.fleet.createInstallToken({ workspaceId: elsewhere.id, createdBy: 'usr_x' })
    const { csrPem } = await createCsr()
    const { server_id: foreign } = await central.fleet.enrol({ token, csr_pem: csrPem, hostname: 'secret-host' })
    const absent = `srv_${'0'.repeat(32)}`
    await withMcp(key, async (mcp) => {
      for (const tool of [
        'get_server_status',
        'quick_triage',
        'get_alerts',
        'get_audit_log',
        'get_pending_actions',
        'decommission_server',
        'regenerate_install_token',
      ]) {
        const [there, nowhere] = [
          await mcp.call(tool, { server_id: foreign }),
          await mcp.call(tool, { server_id: absent }),
        ]
        assert.ok(!there.ok && !nowhere.ok, tool)
        const bare = ({ request_id: _, ...error }: typeof there.error) =>
          JSON.stringify(error).replaceAll(foreign, 'X').replaceAll(absent, 'X')
        assert.equal(bare(there.error), bare(nowhere.error), tool)
      }
    })
  })

  test('odd ids are refused or not found, and never a fault', async () => {
    await withMcp(key, async (mcp) => {
      for (const id of ['\u0000', 'a\u0000b', '../..', "' or 1=1 --", '\ud800', '😀'.repeat(25), '']) {
        const code = await mcp.code('get_action_result', { action_id: id })
        assert.ok(code === 'VALIDATION_ERROR' || code === 'ACTION_NOT_FOUND', `${JSON.stringify(id)}: ${code}`)
        const status = await mcp.code('get_server_status', { server_id: id })
        assert.ok(status === 'VALIDATION_ERROR' || status === 'SERVER_NOT_FOUND', `${JSON.stringify(id)}: ${status}`)
      }
    })
    for (const path of ['/approvals/%00', '/servers/%00', '/approvals/%ED%A0%80', '/approvals/..%2f..'])
      assert.ok((await owner.get(path)).status < 500, path)
  })
})
