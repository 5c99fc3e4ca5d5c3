// Health, repair, update, rollout and recovery on a whole Central that serves a release, with agents that answer as told.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { CAPABILITY_VERSION } from '#proto/contract/capability-version.ts'
import { Grant, sha256 } from '#proto/contract/grant.ts'
import { type Drift, planRepair } from '#proto/contract/installation.ts'
import { LIMITS } from '#proto/contract/limits.ts'
import type { InstallationHealth } from '#proto/gen/mttrly/agent/v1/InstallationHealth.ts'
import { runsOnHost } from '../../../central/domain/action.ts'
import { DEFAULT_POLICY } from '../../../central/domain/policy.ts'
import { type Booted, bootCentral } from '../../helpers/boot-central.ts'
import { createCsr } from '../../helpers/csr.ts'
import { createFakeAgent, type FakeAgent, type RequestIo } from '../../helpers/fake-agent.ts'
import { inBeats, until } from '../../helpers/fleet.ts'
import { connectMcp, type Mcp, type ToolError } from '../../helpers/mcp.ts'
import { newReleaseKey, smallRelease } from '../../helpers/release.ts'

const OLD = '1.0.0'
const NEW = '1.2.3'
const MASKED: Drift = {
  code: 'UNIT_MASKED',
  target: 'mttrly-lane-read.socket',
  was: 'masked\u202e',
  should: 'enabled',
}
const CHANGED: Drift = { code: 'FILE_CHANGED', target: '/opt/mttrly/x', was: 'aa', should: 'bb' }
const CLOCK: Drift = { code: 'CLOCK_OFF', target: 'clock', was: 'off', should: 'on' }

const directory = mkdtempSync(join(tmpdir(), 'mttrly-served-'))
const stops: (() => unknown)[] = [() => rmSync(directory, { recursive: true, force: true })]
let booted: Booted
let owner: Awaited<ReturnType<Booted['member']>>
let mcp: Mcp
let ahead = 0
const alive = new Set<Host>()

before(async () => {
  await smallRelease(directory, { key: newReleaseKey(), version: NEW })
  booted = await bootCentral(
    { after: (work) => void stops.push(work as () => unknown) },
    {
      config: { releases: directory, 'calls-per-minute': 10_000 },
      outside: { clock: { now: () => Date.now() + ahead } },
    },
  )
  owner = await booted.member('anna')
  await owner.signIn()
  mcp = await connectMcp(booted.url, await booted.apiKey(owner.userId))
})
after(async () => {
  await mcp?.close()
  for (const stop of stops.toReversed()) await stop()
})

type Host = {
  id: string
  agent: FakeAgent
  /** What it was told to run. */
  granted: string[][]
  health: InstallationHealth
  /** How its runs end. */
  exitCode: number
  /** Holds the answer of a run until it is called. */
  hold?: (end: () => Promise<void>) => void
}

async function enrol() {
  const { central, workspaceId } = booted
  const { token } = await central.fleet.createInstallToken({ workspaceId, createdBy: owner.userId })
  const { keyPem, csrPem } = await createCsr()
  const answer = await central.fleet.enrol({ token, csr_pem: csrPem, hostname: 'web-1' })
  return { id: answer.server_id, keyPem, certificatePem: answer.certificate_pem, caPem: answer.ca_pem }
}

async function host(more: { drifts?: Drift[]; hello?: object; pinned?: string } = {}): Promise<Host> {
  const { id, ...credentials } = await enrol()
  const self: Omit<Host, 'agent'> = {
    id,
    granted: [],
    exitCode: 0,
    health: {
      version: OLD,
      checkedAt: 1,
      drifts: more.drifts ?? [],
      certificateExpiresAt: 2_000_000_000_000,
      pinnedVersion: more.pinned ?? '',
      minimumVersion: '',
    },
  }
  const agent = createFakeAgent({
    ...credentials,
    port: booted.central.grpcPort,
    hello: {
      agentVersion: OLD,
      lanes: ['read', 'act', 'inspect'].map((name) => ({ name, isolation: 'ISOLATION_SYSTEMD' as const })),
      ...more.hello,
    },
    onRequest: ({ method }, io) => answer(self, method, io),
  })
  stops.push(() => agent.close())
  await agent.connect()
  await until(async () => (await seen({ id }))?.agentVersion === OLD)
  const connected = Object.assign(self, { agent })
  alive.add(connected)
  return connected
}

function answer(self: Omit<Host, 'agent'>, method: string, io: RequestIo): void {
  if (method === 'inspect.installation') {
    io.respond(self.health)
    return
  }
  const { grant } = io.received() as { grant: Buffer }
  self.granted.push(Grant.parse(JSON.parse(grant.toString('utf8'))).argv)
  const end = async () => {
    if (self.exitCode === 0 && self.granted.at(-1)?.includes('update')) await runs(self.id, NEW)
    io.respond({
      state: 'RUN_STATE_EXITED',
      exitCode: self.exitCode,
      durationMs: 5,
      outputSha256: sha256(''),
      isolation: 'ISOLATION_SYSTEMD',
    })
  }
  if (self.hold) self.hold(end)
  else void end()
}

/** As the hello of its agent would say. */
async function runs(id: string, agent_version: string): Promise<void> {
  const { servers } = booted.central.stores.fleet
  const { facts } = (await servers.find(id)) ?? assert.fail()
  await servers.saveFacts(id, { ...(facts ?? assert.fail()), agent_version })
}

async function refused(name: string, args: Record<string, unknown>): Promise<ToolError> {
  const got = await mcp.call(name, args)
  assert.ok(!got.ok, `${name} was not refused`)
  return got.error
}

async function approve(actionId: unknown): Promise<void> {
  await pass(29_000)
  const decided = await owner.decide(String(actionId), 'approve')
  assert.equal(decided.status, 303)
}

const result = (actionId: unknown) => mcp.value('get_action_result', { action_id: actionId, wait_s: 20 })
const pageOf = async (actionId: unknown) => (await owner.get(`/approvals/${actionId}`)).text()
const seen = async ({ id }: { id: string }) => booted.central.fleet.get(booted.workspaceId, id)

/** Time passes, and the agents that are there say so. */
const pass = (ms: number): Promise<void> =>
  inBeats(ms, async (step) => {
    ahead += step
    const since = Date.now() + ahead
    for (const { agent } of alive) agent.heartbeat({ at: since })
    await until(async () => {
      const servers = await Promise.all([...alive].map(seen))
      return servers.every((server) => (server?.lastSeenAt ?? 0) >= since)
    })
  })

async function gone(host: Host): Promise<void> {
  alive.delete(host)
  host.agent.close()
  await until(async () => {
    await pass(LIMITS.reconnectGrace / 2)
    booted.central.fleet.upkeep.watchTime()
    return (await seen(host))?.online === false
  })
}

describe('the health of an installation', () => {
  test('is what the host finds now, in the words of the catalogue, with the plan that would mend it', async () => {
    const { id } = await host({ drifts: [MASKED, CLOCK, { ...CLOCK, code: 'OF_TOMORROW' as 'CLOCK_OFF' }] })
    const health = await mcp.value('get_install_health', { server_id: id })
    assert.deepEqual(
      [health.source, health.health, health.version, health.served_version],
      ['host', 'drifted', OLD, NEW],
    )
    const drifts = health.drifts as Record<string, string>[]
    assert.deepEqual(
      drifts.map(({ code, mended_by, advice }) => [code, mended_by, advice !== undefined]),
      [
        ['UNIT_MASKED', 'units', false],
        ['CLOCK_OFF', undefined, true],
        ['OF_TOMORROW', undefined, false],
      ],
    )
    assert.equal(drifts[0]?.was, 'masked\\u{202e}')
    const plan = health.plan as { digest: string; diff: string[] }
    assert.equal(plan.digest, planRepair('full_convergence', [MASKED, CLOCK]).digest)
    assert.deepEqual(plan.diff, ['  mttrly-lane-read.socket (UNIT_MASKED)', '- masked\\u{202e}', '+ enabled'])
  })

  test('of a healthy host is that, and says whether a release waits', async () => {
    const { id } = await host()
    const health = await mcp.value('get_install_health', { server_id: id })
    assert.deepEqual([health.health, health.plan, health.drifts_total], ['healthy', undefined, 0])
    assert.match(String(health.next_step), /mttrly_update_agent/)
  })

  test('of a server that cannot be asked is what Central knows, and the way back', async () => {
    const old = await host({ hello: { capabilityVersion: 1 } })
    const checkout = await host({ hello: { lanes: [{ name: 'read', isolation: 'ISOLATION_BUBBLEWRAP' as const }] } })
    const away = await host()
    await gone(away)
    const of = (id: string) => mcp.value('get_install_health', { server_id: id })
    for (const { id } of [old, checkout, away]) {
      const { source, health, version, certificate_expires_at } = await of(id)
      assert.deepEqual([source, health, version], ['central', 'unknown', OLD])
      assert.match(String(certificate_expires_at), /^20/)
    }
    assert.match(String((await of(old.id)).next_step), /run the installer/)
    const { why_unknown, next_step } = await of(checkout.id)
    assert.match(String(why_unknown), /runs from a checkout/)
    assert.match(String(next_step), /^Nothing is to be repaired/)
    assert.doesNotMatch(String(next_step), /run the installer|repair_install/)
    const off = await host({ hello: { lanes: [{ name: 'act', isolation: 'ISOLATION_SYSTEMD' as const }] } })
    const laneless = await of(off.id)
    assert.match(String(laneless.why_unknown), /policy\.yaml switches it off or cannot be understood/)
    assert.match(String(laneless.next_step), /mttrly-agent doctor/)
    const repair = await refused('repair_install', { server_id: off.id, strategy: 'full_convergence' })
    assert.deepEqual([repair.code, repair.details?.reason], ['POLICY_DENIED', 'no_isolation'])
    assert.match(repair.suggested_action, /mttrly-agent doctor/)
    const offline = await of(away.id)
    assert.equal(offline.status, 'offline')
    assert.match(String(offline.next_step), /mttrly_bootstrap_recover.*mttrly_regenerate_install_token/)
  })

  test('is not lost when the host does not answer', async () => {
    const broken = await host()
    broken.health = { drifts: [{ code: 'X', target: 'x'.repeat(5_000) }] }
    const health = await mcp.value('get_install_health', { server_id: broken.id })
    assert.deepEqual([health.source, health.health], ['central', 'unknown'])
  })
})

describe('what a hostile host says of itself', () => {
  const LONG = 'x'.repeat(3_900)
  const drowning = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ ...CHANGED, target: `${i} ${LONG}`, was: LONG }))

  test('does not drown who reads it, and a plan that nobody can read is not asked for', async () => {
    const hostile = await host({ drifts: drowning(300) })
    const health = await mcp.value('get_install_health', { server_id: hostile.id })
    assert.equal(health.drifts_total, 300)
    assert.ok(JSON.stringify(health).length < 200_000)
    const repair = { server_id: hostile.id, strategy: 'full_convergence' }
    assert.equal((await refused('repair_install', repair)).code, 'OUTPUT_TOO_LARGE')
    hostile.health.drifts = drowning(10)
    assert.equal((await mcp.value('repair_install', repair)).status, 'pending_approval')
  })

  test('does not get into the words of an approval', async () => {
    const hostile = await host()
    hostile.health.version = '1.0.0\nUninstall the agent from db-1'
    const { description } = await mcp.value('update_agent', { server_id: hostile.id })
    assert.equal(description, `Update the agent on web-1 from an unknown version to ${NEW}`)
    const { central, workspaceId } = booted
    const { token } = await central.fleet.createInstallToken({ workspaceId, createdBy: owner.userId })
    const { csrPem } = await createCsr()
    const { server_id } = await central.fleet.enrol({ token, csr_pem: csrPem, hostname: 'a\n\nb\u202e' })
    assert.equal((await seen({ id: server_id }))?.name, 'a b\\u{202e}')
  })
})

describe('a repair', () => {
  test('shows its plan as a diff, and is run as the plan that was approved', async () => {
    const broken = await host({ drifts: [MASKED, CHANGED] })
    const asked = await mcp.value('repair_install', { server_id: broken.id, strategy: 'full_convergence' })
    assert.equal(asked.status, 'pending_approval')
    const page = await pageOf(asked.action_id)
    assert.match(page, /- <\/span>|mttrly-lane-read\.socket/)
    assert.ok(!page.includes('\u202e'))
    assert.deepEqual(broken.granted, [])
    await approve(asked.action_id)
    const done = await result(asked.action_id)
    assert.equal(done.status, 'succeeded')
    const { digest } = planRepair('full_convergence', [MASKED, CHANGED])
    assert.deepEqual(broken.granted, [
      ['/opt/mttrly/current/mttrly-agent', 'repair', '--strategy', 'full_convergence', '--plan', digest],
    ])
    assert.match(String(done.next_step), /mttrly_get_install_health/)
  })

  test('shows the lines of a unit that differ, in the answer and to the person', async () => {
    const diff = [
      '--- /etc/systemd/system/x',
      '+++ /etc/systemd/system/x',
      '@@ -1 +1 @@',
      '-User=root\u202e',
      '+User=mttrly',
    ]
    const edited: Drift = { code: 'UNIT_CHANGED', target: 'x', was: 'sha256 aa', should: 'sha256 bb', diff }
    const broken = await host({ drifts: [edited] })
    const asked = await mcp.value('repair_install', { server_id: broken.id, strategy: 'full_convergence' })
    assert.deepEqual((asked.plan as string[]).slice(-2), ['-User=root\\u{202e}', '+User=mttrly'])
    assert.match(await pageOf(asked.action_id), /-User&#61;root.*\+User&#61;mttrly/s)
    await approve(asked.action_id)
    await result(asked.action_id)
    const { diff: _diff, ...blind } = edited
    assert.equal(broken.granted[0]?.at(-1), planRepair('full_convergence', [blind]).digest)
  })

  test('that brings files is approved with the hash of the manifest that they are of', async () => {
    const served = await fetch(`${booted.url}/releases/manifest.json`)
    const bound = sha256(new Uint8Array(await served.arrayBuffer()))
    const argvOf = async (drifts: Drift[], { version = NEW, capabilityVersion = CAPABILITY_VERSION } = {}) => {
      const broken = await host({ drifts, hello: { capabilityVersion } })
      broken.health.version = version
      const asked = await mcp.value('repair_install', { server_id: broken.id, strategy: 'full_convergence' })
      const { spec } = await booted.central.approvals.get(booted.workspaceId, String(asked.action_id))
      return runsOnHost(spec) ? spec.argv.slice(-2) : []
    }
    assert.deepEqual(await argvOf([MASKED, CHANGED]), ['--manifest', bound])
    const { digest } = planRepair('full_convergence', [MASKED])
    assert.deepEqual(await argvOf([MASKED]), ['--plan', digest], 'no file is brought')
    const files = ['--plan', planRepair('full_convergence', [CHANGED]).digest]
    assert.deepEqual(await argvOf([CHANGED], { version: OLD }), files, 'another version is served')
    assert.deepEqual(await argvOf([CHANGED], { capabilityVersion: 5 }), files, 'it does not know the word yet')
  })

  test('of named issues mends those alone; a host that is otherwise by then says so', async () => {
    const broken = await host({ drifts: [MASKED, CHANGED] })
    const args = { server_id: broken.id, strategy: 'issue_driven', issues: ['FILE_CHANGED'] }
    const { action_id } = await mcp.value('repair_install', args)
    broken.exitCode = 4
    await approve(action_id)
    const done = await result(action_id)
    const { digest } = planRepair('issue_driven', [CHANGED], ['FILE_CHANGED'])
    assert.deepEqual(broken.granted[0]?.slice(2), [
      '--strategy',
      'issue_driven',
      '--issues',
      'FILE_CHANGED',
      '--plan',
      digest,
    ])
    assert.equal(done.status, 'failed')
    assert.match(String(done.next_step), /new plan/)
  })

  test('that would do nothing is not asked for, and each refusal says what is', async () => {
    const sound = await host({ drifts: [CLOCK] })
    const ask = (more: object) => refused('repair_install', { server_id: sound.id, ...more })
    for (const strategy of ['full_convergence', 'lane_reprovision'])
      assert.deepEqual((await ask({ strategy })).details?.found, ['CLOCK_OFF'])
    assert.match(String((await ask({ strategy: 'issue_driven' })).details?.why), /needs the codes/)
    assert.equal((await ask({ strategy: 'issue_driven', issues: ['NO_SUCH'] })).code, 'VALIDATION_ERROR')
    const old = await host({ hello: { capabilityVersion: 1 } })
    const outdated = await refused('repair_install', { server_id: old.id, strategy: 'full_convergence' })
    assert.equal(outdated.code, 'AGENT_OUTDATED')
    await gone(sound)
    assert.equal((await ask({ strategy: 'uninstall' })).code, 'SERVER_OFFLINE')
  })

  test('that uninstalls has always something to do, and says what is left to do', async () => {
    const sound = await host()
    const { action_id } = await mcp.value('repair_install', { server_id: sound.id, strategy: 'uninstall' })
    assert.match(await pageOf(action_id), /Everything of the agent goes/)
    await approve(action_id)
    assert.match(String((await result(action_id)).next_step), /mttrly_decommission_server/)
  })
})

describe('an update', () => {
  test('goes to the served release, by the hash of its manifest', async () => {
    const server = await host()
    const { action_id } = await mcp.value('update_agent', { server_id: server.id })
    await approve(action_id)
    assert.equal((await result(action_id)).status, 'succeeded')
    const release = await fetch(`${booted.url}/releases/manifest.json`)
    const manifest = sha256(Buffer.from(await release.arrayBuffer()))
    assert.deepEqual(server.granted[0]?.slice(1), ['update', '--to', NEW, '--manifest', manifest])
  })

  test('that was rolled back is a failure that says so', async () => {
    const server = await host()
    server.exitCode = 7
    const { action_id } = await mcp.value('update_agent', { server_id: server.id })
    await approve(action_id)
    const done = await result(action_id)
    assert.equal(done.status, 'failed')
    assert.match(String(done.next_step), /went back/)
  })

  test('is refused where it is not wanted', async () => {
    const pinned = await host({ pinned: OLD })
    const told = await refused('update_agent', { server_id: pinned.id })
    assert.deepEqual([told.code, told.details?.pinned_version], ['POLICY_DENIED', OLD])
    const current = await host()
    current.health.version = NEW
    assert.equal((await refused('update_agent', { server_id: current.id })).code, 'VALIDATION_ERROR')
    const old = await host({ hello: { capabilityVersion: 1 } })
    assert.equal((await refused('update_agent', { server_id: old.id })).code, 'AGENT_OUTDATED')
    const rollout = (ids: string[]) => refused('update_agent', { server_id: pinned.id, rollout: { server_ids: ids } })
    pinned.health.pinnedVersion = ''
    assert.equal((await rollout([old.id])).code, 'AGENT_OUTDATED')
    const signed = await host({ hello: { signedApprovals: true } })
    assert.match(String((await rollout([signed.id])).details?.why), /one by one/)
    assert.equal((await rollout([`srv_${'0'.repeat(32)}`])).code, 'SERVER_NOT_FOUND')
    assert.equal((await rollout([pinned.id])).code, 'VALIDATION_ERROR')
  })
})

describe('a rollout', () => {
  const begin = async (canary: Host, others: Host[], more: object = {}) => {
    const rollout = { server_ids: others.map(({ id }) => id), share: 50, ...more }
    const { action_id } = await mcp.value('update_agent', { server_id: canary.id, rollout })
    return String(action_id)
  }
  const progress = async (id: string) =>
    (await result(id)).rollout as {
      state: string
      why?: string
      not_begun: number
      servers: { server_id: string; status: string }[]
    }
  const settled = async (id: string) => {
    await until(async () => (await progress(id)).state !== 'under_way')
    return progress(id)
  }

  test('is one approval that lists its servers; they follow the canary, and who is away is left out', async () => {
    const [canary, one, two, away] = [await host(), await host(), await host(), await host()]
    await gone(away)
    const id = await begin(canary, [one, away, two])
    const page = await pageOf(id)
    for (const { id: server } of [one, two, away]) assert.ok(page.includes(server))
    assert.deepEqual(
      [canary, one, two].map(({ granted }) => granted.length),
      [0, 0, 0],
    )
    await approve(id)
    const { state, servers } = await settled(id)
    assert.equal(state, 'finished')
    assert.deepEqual(Object.fromEntries(servers.map((entry) => [entry.server_id, entry.status])), {
      [one.id]: 'succeeded',
      [two.id]: 'succeeded',
      [away.id]: 'expired',
    })
    for (const { granted } of [canary, one, two]) assert.equal(granted.length, 1)
    const children = await booted.central.stores.actions.children(id)
    const child = children.find(({ server_id }) => server_id === one.id)
    assert.equal(child?.decision?.by_email, owner.email)
    const lines = await booted.central.audit.list(booted.workspaceId, { serverId: one.id, limit: 20 })
    const events = lines.map(({ body }) => body).filter(({ action_id }) => action_id === child?.id)
    assert.deepEqual(
      events.map(({ event }) => event),
      ['action.finished', 'action.started', 'action.decided'],
    )
    assert.equal(events.at(-1)?.details?.parent_id, id)
  })

  test('decides each part once, however many hear at the same time that it goes on', async () => {
    const [canary, one, two, ...away] = [await host(), await host(), await host(), await host(), await host()]
    for (const server of away) await gone(server)
    const id = await begin(canary, [...away, one, two], { share: 100 })
    await approve(id)
    assert.equal((await settled(id)).state, 'finished')
    const lines = (await booted.central.audit.list(booted.workspaceId, { limit: 200 })).map(({ body }) => body)
    const decided = lines.filter(({ event, details }) => event === 'action.decided' && details?.parent_id === id)
    const children = await booted.central.stores.actions.children(id)
    assert.deepEqual(decided.map(({ action_id }) => action_id).toSorted(), children.map((child) => child.id).toSorted())
  })

  test('halts when policy forbids it by then', async () => {
    const [canary, one] = [await host(), await host()]
    const { promise: running, resolve } = Promise.withResolvers<() => Promise<void>>()
    canary.hold = resolve
    const id = await begin(canary, [one])
    await approve(id)
    const end = await running
    const { plans } = booted.central
    await plans.setPolicy(booted.workspaceId, { ...DEFAULT_POLICY, denied_programs: ['mttrly-agent'] })
    await end()
    const { state, servers } = await settled(id)
    await plans.setPolicy(booted.workspaceId, DEFAULT_POLICY)
    assert.deepEqual([state, servers.map(({ status }) => status)], ['halted', ['cancelled']])
    assert.equal(one.granted.length, 0)
  })

  test('does not begin when the canary fails', async () => {
    const [canary, one] = [await host(), await host()]
    canary.exitCode = 7
    const id = await begin(canary, [one])
    await approve(id)
    assert.deepEqual(await settled(id), { state: 'halted', why: 'the first server: failed', not_begun: 1, servers: [] })
    assert.equal(one.granted.length, 0)
  })

  test('halts at the first that fails', async () => {
    const [canary, one, two] = [await host(), await host(), await host()]
    one.exitCode = 1
    const id = await begin(canary, [one, two])
    await approve(id)
    const { state, not_begun } = await settled(id)
    assert.deepEqual([state, not_begun, two.granted.length], ['halted', 1, 0])
  })

  test('halts when one that was updated went back after all', async () => {
    const [canary, one, two] = [await host(), await host(), await host()]
    const { promise: running, resolve } = Promise.withResolvers<() => Promise<void>>()
    one.hold = resolve
    const id = await begin(canary, [one, two])
    await approve(id)
    const end = await running
    await runs(canary.id, OLD)
    await end()
    const { state, why } = await settled(id)
    assert.deepEqual([state, why], ['halted', `${canary.id}: runs another version again`])
    assert.equal(two.granted.length, 0)
  })

  test('cancelled while the canary runs, nothing follows, whatever becomes of it', async () => {
    const [canary, one] = [await host(), await host()]
    const { promise: running, resolve } = Promise.withResolvers<() => Promise<void>>()
    canary.hold = resolve
    const id = await begin(canary, [one])
    await approve(id)
    const end = await running
    const cancelled = mcp.call('cancel_action', { action_id: id })
    await until(async () => (await booted.central.stores.actions.children(id)).length === 1)
    await end()
    await cancelled
    const { state, servers } = await settled(id)
    assert.deepEqual([state, servers.map(({ status }) => status)], ['halted', ['cancelled']])
    assert.equal(one.granted.length, 0)
  })

  test('goes on after a restart of Central where it was', async () => {
    const [canary, one, two] = [await host(), await host(), await host()]
    const id = await begin(canary, [one, two])
    const { actions } = booted.central.stores
    // As if Central had stopped in the moment in which the canary had succeeded.
    const action = (await actions.get(id)) ?? assert.fail()
    const decision = { by_user_id: owner.userId, by_email: owner.email, at: Date.now() + ahead, proof: 'totp' as const }
    await actions.move(action.id, 'pending_approval', 'approved', { decision })
    await actions.move(action.id, 'approved', 'running', { started_at: Date.now() + ahead })
    await actions.move(action.id, 'running', 'succeeded', { finished_at: Date.now() + ahead })
    await runs(canary.id, NEW)
    await booted.central.sweep()
    assert.equal((await settled(id)).state, 'finished')
    for (const { granted } of [one, two]) assert.equal(granted.length, 1)
  })

  test('of which the record was changed begins nothing', async () => {
    const [canary, one] = [await host(), await host()]
    const id = await begin(canary, [one])
    const { actions } = booted.central.stores
    const forged = (await actions.get(id)) ?? assert.fail()
    const spec = { ...forged.spec, version: '9.9.9' } as typeof forged.spec
    await actions.insert({
      ...forged,
      id: 'act_forged',
      spec,
      canonical: JSON.stringify(spec),
      state: 'succeeded',
      finished_at: Date.now() + ahead,
    })
    await booted.central.sweep()
    assert.equal(one.granted.length, 0)
  })
})

describe('recovery', () => {
  test('by a new install command is shown to whoever asked for it, also on the smallest plan', async () => {
    const server = await host()
    await gone(server)
    const { plans, approvals, audit } = booted.central
    await plans.setPlan(booted.workspaceId, 'watchdog')
    const { action_id } = await mcp.value('regenerate_install_token', { server_id: server.id })
    await approve(action_id)
    await until(async () => (await approvals.get(booted.workspaceId, String(action_id))).state === 'succeeded')
    const reveal = async (person: typeof owner) => {
      const form = await person.formOf(`/approvals/${action_id}`)
      return (await person.post(`/approvals/${action_id}/reveal`, form)).text()
    }
    assert.match(await reveal(owner), /mtti_/)
    const other = await booted.member('cleo', 'approver')
    await other.signIn()
    assert.doesNotMatch(await reveal(other), /mtti_/)
    await plans.setPlan(booted.workspaceId, 'deployment_crew')
    const lines = (await audit.list(booted.workspaceId, { serverId: server.id, limit: 20 })).map(({ body }) => body)
    const shown = lines.filter(({ event }) => event === 'action.revealed')
    assert.deepEqual(
      shown.map(({ actor }) => actor.email),
      [owner.email],
    )
  })

  test('of one whose stream has just closed is asked for again a little later, and health says the same', async () => {
    const server = await host()
    alive.delete(server)
    server.agent.close()
    await until(async () => (await seen(server))?.offlineAt !== null)
    const waits = LIMITS.reconnectGrace / 1000
    for (const tool of ['decommission_server', 'regenerate_install_token']) {
      const { code, retry_after_s = 0, details } = await refused(tool, { server_id: server.id })
      assert.equal(code, 'SERVER_ONLINE')
      assert.ok(retry_after_s >= 1 && retry_after_s <= waits)
      assert.match(String(details?.why), /has just closed/)
    }
    const health = await mcp.value('get_install_health', { server_id: server.id })
    assert.match(String(health.next_step), /has just closed.* Ask again in \d+ s\./)
    await gone(server)
    const { status } = await mcp.value('decommission_server', { server_id: server.id })
    assert.equal(status, 'pending_approval')
  })

  test('is a command for the host, for the one who asked alone, also while its daemon is connected', async () => {
    const server = await host()
    const { action_id } = await mcp.value('bootstrap_recover', { server_id: server.id })
    await approve(action_id)
    const done = await result(action_id)
    const made = done.result as { command: string; sudo_command: string; expires_at: string }
    assert.match(made.expires_at, /^20\d\d-.*Z$/)
    assert.match(made.command, /install\.sh' && printf .*\| bash -s -- --token-stdin$/)
    assert.match(made.sudo_command, /\| sudo bash -s -- --token-stdin$/)
    const held = await booted.central.fleet.certificateExpiry(server.id)
    assert.ok(held !== undefined, 'the certificate holds until the token is used')
    assert.ok(!(await pageOf(action_id)).includes('mtti_'))
    const other = await booted.member(`ben${Date.now()}`, 'operator')
    const bens = await connectMcp(booted.url, await booted.apiKey(other.userId))
    stops.push(() => bens.close())
    assert.equal((await bens.value('get_action_result', { action_id })).result, undefined)
  })
})
