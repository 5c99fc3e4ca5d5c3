// Every code of the catalogue: provoked through MCP, or the reason why no tool of this release can give it. The table does
// not compile when a code is missing.
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import { ERRORS, type ErrorCode, wordsOf } from '#proto/contract/errors.ts'
import { LIMITS } from '#proto/contract/limits.ts'
import { DEFAULT_POLICY, type Policy } from '../../central/domain/policy.ts'
import { legacy, modern, type Sent, send } from '../central/mcp/send.ts'
import { startPostgres, whyNoPostgres } from '../central/storage/postgres-server.ts'
import { bootCentral } from '../helpers/boot-central.ts'
import { createCleanup } from '../helpers/cleanup.ts'
import { createCsr } from '../helpers/csr.ts'
import { createFakeAgent, type RequestIo } from '../helpers/fake-agent.ts'
import { connectMcp, type Mcp, type ToolError } from '../helpers/mcp.ts'
import { startCentralProcess } from './central-process.ts'
import { verifies } from './requirements.ts'
import { startWorld, type World } from './world.ts'

const SECRET = 'planted-text-that-nobody-may-see'
const ELSEWHERE = 'srv_00000000000000000000000000000000'
const cleanup = createCleanup()

let world: World
let other: { workspaceId: string; serverId: string }
before(async () => {
  world = await startWorld({ config: { 'calls-per-minute': 10_000 } })
  other = await otherWorkspace()
})
after(async () => {
  await cleanup.run()
  await world?.stop()
})

const server = () => ({ server_id: world.host.serverId })
const url = () => new URL('/mcp', world.booted.url)
const uptime = () => ({ ...server(), command: 'uptime' })

async function refused(name: string, args: Record<string, unknown> = {}, mcp: Mcp = world.mcp): Promise<ToolError> {
  const answer = await mcp.call(name, args)
  assert.ok(!answer.ok, `${name} ${JSON.stringify(args)} was not refused`)
  return answer.error
}

/** The envelope where a request never became a call: inside the JSON-RPC error. */
function envelopeIn({ message, text }: Sent): ToolError {
  assert.ok(message.error?.data, text)
  return message.error.data as unknown as ToolError
}

const post = async (body: unknown, more: { token?: string | null; headers?: Record<string, string> } = {}) =>
  envelopeIn(await send(url(), { token: world.key, body, ...more }))

/** A workspace of somebody else with a server in it. */
async function otherWorkspace() {
  const { central } = world.booted
  const { id } = await central.stores.workspaces.create({
    name: 'theirs',
    plan: 'deployment_crew',
    overrides: { servers: null },
    policy: DEFAULT_POLICY,
    createdAt: Date.now(),
  })
  return { workspaceId: id, serverId: (await enrolFake(id)).serverId }
}

async function enrolFake(workspaceId: string) {
  const { fleet } = world.booted.central
  const { token } = await fleet.createInstallToken({ workspaceId, createdBy: 'test' })
  const { keyPem, csrPem } = await createCsr()
  const answer = await fleet.enrol({ token, csr_pem: csrPem, hostname: 'fake' })
  return { serverId: answer.server_id, keyPem, certificatePem: answer.certificate_pem, caPem: answer.ca_pem }
}

/** A server whose agent answers every request in this way: an agent of another age, which cannot be had for real. */
async function serverThat(answers: (io: RequestIo) => void) {
  const { serverId, ...credentials } = await enrolFake(world.booted.workspaceId)
  const port = world.booted.central.grpcPort
  const lanes = ['read', 'act', 'inspect'].map((name) => ({ name, isolation: 'ISOLATION_BUBBLEWRAP' as const }))
  const agent = createFakeAgent({ ...credentials, port, hello: { lanes }, onRequest: (_request, io) => answers(io) })
  cleanup.after(() => agent.close())
  await agent.connect()
  return serverId
}

async function withPolicy<T>(changes: Partial<Policy>, use: () => Promise<T>): Promise<T> {
  const { plans } = world.booted.central
  await plans.setPolicy(world.booted.workspaceId, { ...DEFAULT_POLICY, ...changes })
  try {
    return await use()
  } finally {
    await plans.setPolicy(world.booted.workspaceId, DEFAULT_POLICY)
  }
}

async function withPlan<T>(plan: 'watchdog' | 'deployment_crew', use: () => Promise<T>): Promise<T> {
  const { plans } = world.booted.central
  await plans.setPlan(world.booted.workspaceId, plan)
  try {
    return await use()
  } finally {
    await plans.setPlan(world.booted.workspaceId, 'deployment_crew')
  }
}

async function withClock<T>(ms: number, use: () => Promise<T>): Promise<T> {
  world.clock.advance(ms)
  try {
    return await use()
  } finally {
    world.clock.advance(-ms)
  }
}

/** Somebody else writes to the database and does not stop. */
async function withLockedDatabase<T>(use: () => Promise<T>): Promise<T> {
  const database = new DatabaseSync(join(world.booted.dataDir, 'central.db'))
  database.exec('begin immediate')
  try {
    return await use()
  } finally {
    database.exec('rollback')
    database.close()
  }
}

async function keyOf(name: string, role: 'viewer' | 'operator', scopes: ('read' | 'execute')[]): Promise<string> {
  const { userId } = await world.booted.member(name, role)
  return world.booted.apiKey(userId, scopes)
}

/** Which release brings the tool that gives a code; said here so that nothing is forgotten. */
type Later = string
type Provocation = () => Promise<ToolError | ToolError[]>

const CODES: Record<ErrorCode, Provocation | Later> = {
  ACTION_EXPIRED: async () => {
    const id = await world.ask(`touch ${world.host.work('expired')}`)
    return withClock(LIMITS.actionLife + 1_000, () => refused('approve_action', { action_id: id, decision: 'approve' }))
  },
  ACTION_NOT_FOUND: async () => {
    const theirs = 'act_00000000000000000000000000000000'
    return [
      await refused('get_action_result', { action_id: theirs }),
      await refused('approve_action', { action_id: '', decision: 'reject' }),
      await refused('cancel_action', { action_id: "' or 1=1 --" }),
    ]
  },
  AUTH_FAILED: async () => {
    const list = modern('tools/list')
    const tokens = [null, 'nonsense', 'mtt_nonsense', `${world.key}x`, 'eyJhbGciOiJub25lIn0.e30.', 'a'.repeat(9_000)]
    return Promise.all(tokens.map((token) => post(list.body, { headers: list.headers, token })))
  },
  CONNECTION_ERROR: () =>
    withLockedDatabase(async () => [await refused('list_servers'), await refused('execute_command', uptime())]),
  CONTRACT_VERSION_UNSUPPORTED: async () => {
    const { body, headers } = modern('tools/list')
    return Promise.all(
      ['2', '0', 'v99.1', 'latest', ''].map((version) =>
        post(body, { headers: { ...headers, 'mttrly-contract-version': version } }),
      ),
    )
  },
  DIAGNOSTIC_COOLDOWN: 'needs a host that says what is wrong with it, see central/tools/reality.test.ts',
  DOCKER_NOT_AVAILABLE: 'Docker playbooks come with the playbook tools',
  FORBIDDEN: async () => {
    const change = { ...server(), command: `touch ${world.host.work('forbidden')}` }
    const viewer = await world.connect({}, await keyOf('viewer', 'viewer', ['read', 'execute']))
    const reader = await keyOf('reader', 'operator', ['read'])
    const call = modern('tools/call', { name: 'mttrly_execute_command', arguments: uptime() })
    const origin = { ...modern('tools/list').headers, origin: 'https://evil.example' }
    return [
      await refused('execute_command', change, viewer),
      await refused('execute_command', uptime(), viewer),
      await refused('cancel_action', { action_id: await world.ask('touch /tmp/never') }, viewer),
      await post(call.body, { headers: call.headers, token: reader }),
      await post(modern('tools/list').body, { headers: origin }),
    ]
  },
  INTERNAL_ERROR: async () => {
    const { fleet } = world.booted.central
    const { list } = fleet
    fleet.list = async () => {
      throw new Error(SECRET)
    }
    const answer = await refused('list_servers').finally(() => {
      fleet.list = list
    })
    assert.ok(!JSON.stringify(answer).includes(SECRET))
    return answer
  },
  NOT_FOUND: async () => {
    const call = modern('tools/call', { name: 'mttrly_no_such_tool', arguments: {} })
    const planned = modern('tools/call', { name: 'mttrly_run_playbook', arguments: {} })
    const session = { 'mcp-session-id': 'no-such-session', 'mcp-protocol-version': '2025-11-25' }
    return [
      await post(call.body, { headers: call.headers }),
      await post(planned.body, { headers: planned.headers }),
      await post(legacy('tools/list'), { headers: session }),
    ]
  },
  PLAN_REQUIRED: () => withPlan('watchdog', () => refused('execute_command', uptime())),
  POLICY_DENIED: () =>
    withPolicy({ read_only: true, denied_programs: ['df'] }, async () => [
      await refused('execute_command', { ...server(), command: 'touch /tmp/x' }),
      await refused('execute_command', { ...server(), command: 'uptime; df' }),
    ]),
  PLAYBOOK_NOT_AVAILABLE: 'run_playbook comes with the playbook tools',
  PLAYBOOK_NOT_FOUND: 'run_playbook comes with the playbook tools',
  RATE_LIMITED: async () => {
    const slow = await bootCentral(cleanup, { config: { 'calls-per-minute': 3 } })
    const mcp = await connectMcp(slow.url, await slow.apiKey((await slow.member('slow')).userId))
    cleanup.after(() => mcp.close())
    for (let call = 1; call <= 3; call++) await mcp.value('list_servers')
    const limited = await refused('list_servers', {}, mcp)
    assert.ok((limited.retry_after_s ?? 0) >= 1)
    return limited
  },
  SERVER_NOT_FOUND: async () => {
    const answers = []
    for (const server_id of [ELSEWHERE, other.serverId, '', '../..', "' or 1=1 --"]) {
      answers.push(await refused('get_server_status', { server_id }))
      answers.push(await refused('execute_command', { server_id, command: 'uptime' }))
      answers.push(await refused('decommission_server', { server_id }))
    }
    return answers
  },
  SERVER_OFFLINE: async () => {
    await world.host.stop()
    world.clock.advance(LIMITS.offlineAfter + 1_000)
    await world.host.offline()
    const answer = await refused('execute_command', uptime())
    world.host.start()
    await world.host.online()
    return answer
  },
  SERVER_ONLINE: async () => [
    await refused('decommission_server', server()),
    await refused('regenerate_install_token', server()),
  ],
  // Central's clock is behind the host's: what it allows to start within a minute was over before it was sent.
  TIMEOUT: () => withClock(-10 * LIMITS.startWithin, () => refused('execute_command', uptime())),
  UNKNOWN_ERROR: async () => {
    const server_id = await serverThat((io) => io.fail('A_CODE_OF_TOMORROW'))
    return refused('execute_command', { server_id, command: 'uptime' })
  },
  VALIDATION_ERROR: async () => {
    const change = (more: Record<string, unknown>) => refused('execute_command', { ...uptime(), ...more })
    const deep = JSON.parse(`${'['.repeat(100)}${']'.repeat(100)}`)
    return [
      await refused('execute_command', {}),
      await change({ command: '' }),
      await change({ command: 7 }),
      await change({ command: 'x'.repeat(LIMITS.commandLine + 1) }),
      await change({ cwd: 'relative' }),
      await change({ timeout_s: 1e9 }),
      await change({ timeout_s: 0.5 }),
      await change({ server_id: 'x'.repeat(101) }),
      await refused('approve_action', { action_id: 'act_1', decision: 'yes' }),
      await refused('get_action_result', { action_id: 'act_1', offset: -1 }),
      await post('{"jsonrpc":"2.0","id":1,'),
      await post({ ...modern('tools/list').body, params: deep }),
    ]
  },
  APPROVAL_NOTIFICATION_FAILED: async () => {
    const answer = await withPolicy({ two_person: true }, () =>
      refused('execute_command', { ...server(), command: `touch ${world.host.work('nobody-asked')}` }),
    )
    const action = await world.mcp.value('get_action_result', { action_id: answer.details?.action_id })
    assert.equal(action.status, 'notification_failed')
    return answer
  },
  INVESTIGATION_CLOSED: 'investigations come with the bypass tools',
  BYPASS_ALREADY_ACTIVE: 'investigations come with the bypass tools',
  BYPASS_ACQUIRE_FAILED: 'investigations come with the bypass tools',
  TWO_FACTOR_REQUIRED: 'asked for on the approval page, see what-a-client-sees.test.ts; no tool takes a proof',
  TWO_FACTOR_INVALID: 'said on the approval page, see what-a-client-sees.test.ts; no tool takes a proof',
  REALITY_COOLDOWN: 'needs a host that says what runs on it, see central/tools/reality.test.ts',
  BYPASS_NOT_FOUND: 'investigations come with the bypass tools',
  BYPASS_EXHAUSTED: 'investigations come with the bypass tools',
  AGENT_OUTDATED: async () => {
    const server_id = await serverThat((io) => io.fail('AGENT_OUTDATED', { method: 'commands.read' }))
    return refused('execute_command', { server_id, command: 'uptime' })
  },
  OUTPUT_TOO_LARGE: async () => {
    const server_id = await serverThat((io) => io.respond({ drifts: [{ code: 'x'.repeat(5_000) }] }))
    return refused('repair_install', { server_id, strategy: 'uninstall' })
  },
}

function mustBeOfCatalogue(error: ToolError, code: ErrorCode): void {
  const { code: got, message, suggested_action, request_id, retry_after_s, details, ...more } = error
  const { description, action } = wordsOf(code, details ?? {})
  assert.deepEqual({ got, message, suggested_action }, { got: code, message: description, suggested_action: action })
  assert.match(request_id, /^req_[0-9a-f]{32}(-\d+)?$/)
  assert.ok(retry_after_s === undefined || retry_after_s >= 0)
  assert.ok(details === undefined || typeof details === 'object')
  assert.deepEqual(more, {})
}

describe('each code', () => {
  for (const [code, provocation] of Object.entries(CODES) as [ErrorCode, Provocation | Later][]) {
    if (typeof provocation === 'string') continue
    verifies('errors:catalogue', code, async () => {
      const answers = [await provocation()].flat()
      assert.ok(answers.length > 0)
      for (const answer of answers) mustBeOfCatalogue(answer, code)
      assert.ok(Array.isArray((await world.mcp.value('list_servers')).servers), 'the next call is answered')
    })
  }

  test('no more are left for later than there are reasons', () => {
    const later = Object.values(CODES).filter((entry) => typeof entry === 'string')
    assert.ok(later.every((reason) => reason.length > 20))
    assert.equal(Object.keys(CODES).length, Object.keys(ERRORS).length)
  })
})

verifies('errors:bad-input', 'what was refused has left nothing behind', async () => {
  for (const name of ['expired', 'forbidden', 'nobody-asked']) assert.equal(existsSync(world.host.work(name)), false)
  const pending = await world.booted.central.approvals.list(other.workspaceId, { limit: 100 })
  assert.deepEqual(pending, [])
  assert.ok(await world.booted.central.fleet.get(other.workspaceId, other.serverId))
})

describe('the records are away', () => {
  verifies(
    'errors:dead-database',
    'while somebody else holds the database nothing runs and nothing is asked',
    async () => {
      const before = await world.booted.central.approvals.list(world.booted.workspaceId, { limit: 500 })
      await withLockedDatabase(async () => {
        const command = `touch ${world.host.work('unrecorded')}`
        mustBeOfCatalogue(await refused('execute_command', { ...server(), command }), 'CONNECTION_ERROR')
      })
      const now = await world.booted.central.approvals.list(world.booted.workspaceId, { limit: 500 })
      assert.deepEqual(
        now.map(({ id }) => id),
        before.map(({ id }) => id),
      )
      assert.equal(existsSync(world.host.work('unrecorded')), false)
      assert.equal((await world.mcp.value('execute_command', uptime())).status, 'succeeded')
    },
  )

  verifies(
    'errors:dead-database',
    'a database server that has died and comes back',
    async () => {
      const postgres = await startPostgres()
      cleanup.after(() => postgres.stop())
      const { url: database } = await postgres.createDatabase()
      const { url: address, member, apiKey } = await bootCentral(cleanup, { config: { database } })
      const mcp = await connectMcp(address, await apiKey((await member('anna')).userId))
      cleanup.after(() => mcp.close())
      await mcp.value('list_servers')
      const restarted = postgres.restart()
      const answers: string[] = []
      for (; !answers.includes('CONNECTION_ERROR'); ) {
        const answer = await mcp.call('list_servers')
        if (!answer.ok) mustBeOfCatalogue(answer.error, 'CONNECTION_ERROR')
        answers.push(answer.ok ? 'ok' : answer.error.code)
      }
      await restarted
      while (!(await mcp.call('list_servers')).ok);
    },
    { skip: whyNoPostgres() ?? false, timeout: 60_000 },
  )

  verifies(
    'errors:dead-database',
    'a full disk',
    async () => {
      const data = mkdtempSync(join(tmpdir(), 'mttrly-full-'))
      cleanup.removeAfter(data)
      const central = await startCentralProcess(
        { data, 'http-port': 0, 'grpc-port': 0 },
        { diskBytes: 16 * 1024 * 1024 },
      )
      cleanup.after(() => central.kill())
      const { key } = await central.ask('member', { name: 'owner', role: 'owner' })
      const mcp = await connectMcp(central.url, key)
      cleanup.after(() => mcp.close())
      await mcp.value('list_servers')
      await central.ask('fillDisk', { data, full: true })
      let answer = await mcp.call('list_servers')
      while (answer.ok) answer = await mcp.call('list_servers')
      mustBeOfCatalogue(answer.error, 'CONNECTION_ERROR')
      await central.ask('fillDisk', { data, full: false })
      await mcp.value('list_servers')
    },
    { skip: existsSync('/usr/bin/bwrap') ? false : 'bubblewrap is not installed', timeout: 60_000 },
  )
})
