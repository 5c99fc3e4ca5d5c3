import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { status } from '@grpc/grpc-js'
import { CAPABILITY_VERSION } from '#proto/contract/capability-version.ts'
import { LIMITS } from '#proto/contract/limits.ts'
import type { Hello } from '#proto/gen/mttrly/agent/v1/Hello.ts'
import type { JsonValue } from '../../../central/bus/bus.ts'
import { createCsr } from '../../helpers/csr.ts'
import { heartbeatOf, helloOf } from '../../helpers/fake-agent.ts'
import { type BootedFleet, type BootOptions, bootFleet, type Enrolled, until } from '../../helpers/fleet.ts'

const open: BootedFleet[] = []
const boot = async (options?: BootOptions) => {
  const booted = await bootFleet(options)
  open.push(booted)
  return booted
}
afterEach(async () => {
  for (const booted of open.splice(0)) await booted.stop()
})

const certificateStates = async ({ store }: BootedFleet, { serverId }: Enrolled) =>
  (await store.certificates.ofServer(serverId)).map(({ state }) => state).toSorted()

describe('hello', () => {
  test('is answered with a welcome; facts are kept, neutralised; open outcomes are announced', async () => {
    const booted = await boot()
    const hellos: JsonValue[] = []
    booted.bus.subscribe('hello', (message) => hellos.push(message))
    const server = await booted.enrol()
    const agent = booted.agent(server, {
      hello: { hostname: 'a\u202eb', docker: true, unacknowledged: ['act_1', 'act_2'] },
    })
    const welcome = await agent.connect()
    assert.deepEqual(
      [welcome.serverId, welcome.heartbeatMs, welcome.initialCredit],
      [server.serverId, LIMITS.heartbeat, LIMITS.credit],
    )
    await until(() => hellos.length === 1)
    assert.deepEqual(hellos, [{ server_id: server.serverId, unacknowledged: ['act_1', 'act_2'] }])
    const view = await booted.fleet.get(booted.workspaceId, server.serverId)
    assert.equal(view?.hostname, 'a\\u{202e}b')
    assert.deepEqual(
      [view?.online, view?.docker, view?.agentVersion, view?.capabilityVersion],
      [true, true, '0.1.0', CAPABILITY_VERSION],
    )
    assert.deepEqual(view?.lanes, [
      { name: 'read', isolation: 'bubblewrap' },
      { name: 'act', isolation: 'none' },
    ])
  })

  test('of an agent that is too old is AGENT_OUTDATED', async () => {
    const booted = await boot()
    const agent = booted.agent(await booted.enrol(), { hello: { capabilityVersion: 0 } })
    await assert.rejects(agent.connect(), { code: status.FAILED_PRECONDITION, details: 'AGENT_OUTDATED' })
  })

  const hellos: [string, Hello][] = [
    ['no instance', { instanceId: '' }],
    ['a hostname of a megabyte', { hostname: 'x'.repeat(1_000_000) }],
    ['a thousand lanes', { lanes: Array.from({ length: 1_000 }, () => ({ name: 'read' })) }],
    ['open outcomes with names that are no ids', { unacknowledged: ['../../etc'] }],
  ]
  for (const [what, hello] of hellos) {
    test(`with ${what} is refused`, async () => {
      const booted = await boot()
      const agent = booted.agent(await booted.enrol())
      agent.send({ hello: { ...helloOf('i'), ...hello } })
      assert.equal((await agent.ended).code, status.INVALID_ARGUMENT)
    })
  }

  test('must come first, and once', async () => {
    const booted = await boot()
    const hasty = booted.agent(await booted.enrol())
    hasty.heartbeat()
    assert.equal((await hasty.ended).code, status.INVALID_ARGUMENT)
    const { agent } = await booted.connected()
    agent.send({ hello: helloOf('again') })
    assert.equal((await agent.ended).code, status.INVALID_ARGUMENT)
  })

  test('that does not come ends the stream', async () => {
    const booted = await boot({ limits: { helloWithin: 1_000, sweep: 1_000_000 } })
    const agent = booted.agent(await booted.enrol())
    agent.openWithoutHello()
    const stop = setInterval(() => {
      booted.clock.advance(1_000)
      booted.relay().sweep()
    }, 20)
    const { code } = await agent.ended
    clearInterval(stop)
    assert.ok(code === status.DEADLINE_EXCEEDED || code === status.UNAVAILABLE)
  })

  test('a frame that follows at once waits for the welcome and is not lost', async () => {
    const booted = await boot()
    const server = await booted.enrol()
    const agent = booted.agent(server)
    agent.send({ hello: helloOf(agent.instanceId) })
    agent.heartbeat(heartbeatOf({ cpuPercent: 42 }))
    await until(() => booted.fleet.status(server.serverId)?.cpuPercent === 42)
  })

  test('facts are written when they are new, not at every return', async () => {
    let writes = 0
    const booted = await boot({
      wrapStore: (store) => ({
        ...store,
        servers: {
          ...store.servers,
          saveFacts: (id, facts) => {
            writes++
            return store.servers.saveFacts(id, facts)
          },
        },
      }),
    })
    const { server, agent } = await booted.connected()
    agent.close()
    await until(() => booted.relay().counters().connected === 0)
    await booted.agent(server).connect()
    assert.equal(writes, 1)
  })

  test('a dead database lets nobody in, and says: later', async () => {
    const booted = await boot({
      wrapStore: (store) => ({
        ...store,
        certificates: { ...store.certificates, holder: () => Promise.reject(new Error('dead')) },
      }),
    })
    const agent = booted.agent(await booted.enrol())
    await assert.rejects(agent.connect(), { code: status.UNAVAILABLE })
  })
})

describe('one stream a server', () => {
  test('a second stream on the same connection is refused, the first stays', async () => {
    const booted = await boot()
    const { server, agent } = await booted.connected({ onRequest: (_request, io) => io.respond({}) })
    const another = agent.openAnother()
    another.write({ hello: helloOf(agent.instanceId) })
    assert.equal((await another.status).code, status.RESOURCE_EXHAUSTED)
    await booted.relay().call(server.serverId, 'commands.read', { line: 'x', timeoutMs: 1 })
    assert.deepEqual(booted.clones, [])
  })

  test('a clone of a connected agent is refused and reported; the one that was there stays', async () => {
    const booted = await boot()
    const { server, agent } = await booted.connected({ onRequest: (_request, io) => io.respond({}) })
    const clone = booted.agent(server, { hello: { hostname: 'copy' } })
    await assert.rejects(clone.connect(), { code: status.ALREADY_EXISTS })
    await booted.relay().call(server.serverId, 'commands.read', { line: 'x', timeoutMs: 1 })
    assert.deepEqual(
      booted.clones.map(({ serverId, hostname }) => [serverId, hostname]),
      [[server.serverId, 'copy']],
    )
    await until(async () => (await booted.fleet.alerts.list(booted.workspaceId, { limit: 5 })).length === 1)
    const [alert] = await booted.fleet.alerts.list(booted.workspaceId, { limit: 5 })
    assert.deepEqual([alert?.kind, alert?.severity, alert?.status], ['clone', 'critical', 'active'])
    assert.equal(agent.frames.filter((frame) => frame.ping).length, 1)
  })

  test('a snapshot that woke up twice is a clone too, though both say the same instance', async () => {
    const booted = await boot()
    const { server, agent } = await booted.connected()
    const twin = booted.agent(server, { hello: { instanceId: agent.instanceId } })
    await assert.rejects(twin.connect(), { code: status.ALREADY_EXISTS })
    assert.equal(booted.clones.length, 1)
  })

  test('the clone alert ends an hour after the last sighting', async () => {
    const booted = await boot()
    const { server } = await booted.connected()
    await assert.rejects(booted.agent(server).connect())
    booted.clock.advance(3_600_000)
    await booted.fleet.upkeep.flush()
    const [alert] = await booted.fleet.alerts.list(booted.workspaceId, { limit: 5 })
    assert.equal(alert?.status, 'resolved')
  })

  test('a dead stream gives way to a new one', async () => {
    const booted = await boot({ limits: { answerWithin: 30 } })
    const { server, agent } = await booted.connected({ answersPings: false })
    const call = booted.relay().call(server.serverId, 'commands.read', { line: 'x', timeoutMs: 1 })
    call.catch(() => {})
    const returned = booted.agent(server, { onRequest: (_request, io) => io.respond({ exitCode: 4 }) })
    await returned.connect()
    assert.equal((await agent.ended).code, status.ABORTED)
    await assert.rejects(call, { code: 'CONNECTION_ERROR' })
    const outcome = await booted.relay().call(server.serverId, 'commands.read', { line: 'x', timeoutMs: 1 })
    assert.equal(outcome.exitCode, 4)
    assert.deepEqual(booted.clones, [])
    assert.equal((await booted.fleet.get(booted.workspaceId, server.serverId))?.online, true)
  })

  test('while one newcomer waits for the answer, another is told to come later', async () => {
    const booted = await boot({ limits: { answerWithin: 200 } })
    const { server } = await booted.connected({ answersPings: false })
    const results = await Promise.allSettled([booted.agent(server).connect(), booted.agent(server).connect()])
    assert.deepEqual(results.map((result) => result.status).toSorted(), ['fulfilled', 'rejected'])
    const rejected = results.find((result) => result.status === 'rejected')
    assert.equal(rejected?.reason.code, status.UNAVAILABLE)
  })
})

test('of two with one identity that come at the same time, one is let in', async () => {
  const booted = await boot()
  const server = await booted.enrol()
  const results = await Promise.allSettled([booted.agent(server).connect(), booted.agent(server).connect()])
  assert.deepEqual(results.map((result) => result.status).toSorted(), ['fulfilled', 'rejected'])
  assert.equal(booted.relay().counters().connected, 1)
})

describe('silence', () => {
  test('an agent of which nothing is heard is asked, and given up', async () => {
    const booted = await boot({ limits: { sweep: 1_000_000 } })
    const { agent } = await booted.connected({ answersPings: false })
    booted.clock.advance(15_000)
    booted.relay().sweep()
    await agent.next((frame) => frame.ping)
    booted.clock.advance(15_000)
    booted.relay().sweep()
    assert.equal((await agent.ended).code, status.UNAVAILABLE)
  })

  test('one that answers stays', async () => {
    const booted = await boot({ limits: { sweep: 1_000_000 } })
    const { agent } = await booted.connected()
    for (let round = 1; round <= 4; round++) {
      booted.clock.advance(15_000)
      booted.relay().sweep()
      await until(() => agent.frames.filter((frame) => frame.ping).length === round)
      agent.send({ ping: { sentAt: round } })
      await until(() => agent.frames.filter((frame) => frame.pong).length === round)
    }
    assert.equal(booted.relay().counters().connected, 1)
  })
})

describe('what an agent must not say', () => {
  test('a giant message ends the stream, not Central', async () => {
    const booted = await boot()
    const { agent } = await booted.connected()
    agent.send({ chunk: { requestId: 'x', data: Buffer.alloc(LIMITS.message + 1) } })
    assert.equal((await agent.ended).code, status.RESOURCE_EXHAUSTED)
    await booted.connected()
  })

  test('an answer that is neither body nor failure ends the stream', async () => {
    const booted = await boot()
    const { server, agent } = await booted.connected({
      onRequest: ({ id }) => agent.send({ response: { requestId: id } }),
    })
    await assert.rejects(booted.relay().call(server.serverId, 'commands.read', { line: 'x', timeoutMs: 1 }), {
      code: 'CONNECTION_ERROR',
    })
    assert.equal((await agent.ended).code, status.INVALID_ARGUMENT)
  })

  test('a heartbeat that makes no sense is ignored and counted', async () => {
    const booted = await boot()
    const { server, agent } = await booted.connected()
    agent.heartbeat({ cpuPercent: Number.NaN })
    agent.heartbeat({ cpuPercent: 900 })
    agent.heartbeat({ disks: Array.from({ length: 1_000 }, () => ({ mount: '/' })) })
    agent.send({})
    await until(() => booted.relay().counters().ignoredFrames === 4)
    assert.equal(booted.fleet.status(server.serverId), undefined)
  })
})

describe('certificates', () => {
  async function renewed(
    booted: BootedFleet,
    agent: Awaited<ReturnType<BootedFleet['connected']>>['agent'],
    server: Enrolled,
  ) {
    const { keyPem, csrPem } = await createCsr()
    agent.send({ certificateRequest: { csrPem } })
    const { certificatePem } = await agent.next((frame) => frame.certificate)
    assert.ok((await certificateStates(booted, server)).includes('candidate'))
    return { keyPem, certificatePem }
  }

  test('a candidate becomes the certificate when the agent connects with it, and the old one is refused from then on', async () => {
    const booted = await boot()
    const { server, agent } = await booted.connected()
    const fresh = await renewed(booted, agent, server)
    const next = booted.agent(fresh, { hello: { instanceId: agent.instanceId } })
    await next.connect()
    assert.deepEqual(await certificateStates(booted, server), ['active', 'retired'])
    assert.equal((await agent.ended).code, status.ABORTED)
    assert.deepEqual(booted.clones, [])
    next.close()
    await until(() => booted.relay().counters().connected === 0)
    await assert.rejects(booted.agent(server).connect(), { code: status.UNAUTHENTICATED })
    await booted.agent(fresh).connect()
  })

  test('a crash between candidate and commit leaves both usable, until one is used', async () => {
    const booted = await boot()
    const { server, agent } = await booted.connected()
    const fresh = await renewed(booted, agent, server)
    await booted.restartRelay()
    await agent.ended
    const old = booted.agent(server)
    await old.connect()
    assert.deepEqual(await certificateStates(booted, server), ['active', 'candidate'])
    old.close()
    await until(() => booted.relay().counters().connected === 0)
    await booted.agent(fresh).connect()
    assert.deepEqual(await certificateStates(booted, server), ['active', 'retired'])
  })

  test('a second candidate retires the first', async () => {
    const booted = await boot({ limits: { renewEvery: 0 } })
    const { server, agent } = await booted.connected()
    const first = await renewed(booted, agent, server)
    agent.frames.length = 0
    await renewed(booted, agent, server)
    assert.deepEqual(await certificateStates(booted, server), ['active', 'candidate', 'retired'])
    await assert.rejects(booted.agent(first).connect(), { code: status.UNAUTHENTICATED })
  })

  test('renewals are bounded, and a bad request gives no certificate', async () => {
    const booted = await boot()
    const { server, agent } = await booted.connected()
    const { csrPem } = await createCsr()
    agent.send({ certificateRequest: { csrPem: 'nonsense' } })
    agent.send({ certificateRequest: { csrPem } })
    await until(() => booted.relay().counters().ignoredFrames === 1)
    assert.deepEqual(await certificateStates(booted, server), ['active'])
  })

  test('one that has been taken back is refused, and its open stream is closed at once', async () => {
    const booted = await boot()
    const { server, agent } = await booted.connected()
    const call = booted.relay().call(server.serverId, 'commands.read', { line: 'x', timeoutMs: 1 })
    call.catch(() => {})
    const token = await booted.fleet.createInstallToken({
      workspaceId: booted.workspaceId,
      createdBy: 'usr_x',
      serverId: server.serverId,
    })
    const again = await booted.enrol(token.token)
    assert.equal((await agent.ended).code, status.UNAUTHENTICATED)
    await assert.rejects(call, { code: 'CONNECTION_ERROR' })
    await assert.rejects(booted.agent(server).connect(), { code: status.UNAUTHENTICATED })
    await booted.agent(again).connect()
  })

  test('a renewal cannot outlive the taking back', async () => {
    const booted = await boot()
    const { server, agent } = await booted.connected()
    const fresh = await renewed(booted, agent, server)
    await booted.store.certificates.revokeAll(server.serverId)
    await assert.rejects(booted.agent(fresh, { hello: { instanceId: agent.instanceId } }).connect(), {
      code: status.UNAUTHENTICATED,
    })
    const { csrPem } = await createCsr()
    const { serverId } = server
    const [{ serial } = { serial: '' }] = await booted.store.certificates.ofServer(serverId)
    const refused = await booted.fleet.link.renew({ serverId, workspaceId: booted.workspaceId, serial }, csrPem)
    assert.equal(refused.ok, false)
  })

  test('a decommissioned server’s agent is refused', async () => {
    const booted = await boot()
    const server = await booted.enrol()
    await booted.fleet.decommission(booted.workspaceId, server.serverId)
    await assert.rejects(booted.agent(server).connect(), { code: status.UNAUTHENTICATED })
  })

  test('an online server can be neither decommissioned nor given a new command', async () => {
    const booted = await boot()
    const { server } = await booted.connected()
    await assert.rejects(booted.fleet.decommission(booted.workspaceId, server.serverId), { code: 'SERVER_ONLINE' })
    await assert.rejects(booted.fleet.regenerate(booted.workspaceId, server.serverId, 'usr_x'), {
      code: 'SERVER_ONLINE',
    })
  })

  test('one of this authority that Central does not know is refused', async () => {
    const booted = await boot()
    const { serverId } = await booted.enrol()
    const { keyPem, csrPem } = await createCsr()
    const issued = await booted.keys.ca.issueAgent(csrPem, { workspaceId: booted.workspaceId, serverId })
    assert.ok('certificatePem' in issued)
    await assert.rejects(booted.agent({ keyPem, certificatePem: issued.certificatePem }).connect(), {
      code: status.UNAUTHENTICATED,
    })
  })

  test('the link’s own certificate, another authority’s, and none: no stream at all', async () => {
    const booted = await boot()
    const other = await boot()
    for (const credentials of [booted.keys.link, await other.enrol()]) {
      await assert.rejects(booted.agent(credentials).connect(), { code: status.UNAVAILABLE })
    }
    assert.equal(booted.relay().counters().connected, 0)
  })

  test('one that runs out while the stream is open ends it', async () => {
    const booted = await boot({ limits: { sweep: 1_000_000 } })
    const { agent } = await booted.connected()
    booted.clock.advance(LIMITS.certificateLife - 10_000)
    agent.heartbeat()
    agent.send({ ping: { sentAt: 1 } })
    await agent.next((frame) => frame.pong)
    booted.clock.advance(10_000)
    booted.relay().sweep()
    assert.equal((await agent.ended).code, status.UNAUTHENTICATED)
  })
})

test('200 agents are all back after a restart, and every one can be called', async () => {
  const booted = await boot()
  const servers = await Promise.all(Array.from({ length: 200 }, () => booted.enrol()))
  const first = servers.map((server) => booted.agent(server))
  await Promise.all(first.map((agent) => agent.connect()))
  await booted.restartRelay()
  await Promise.all(first.map((agent) => agent.ended))
  assert.equal(booted.relay().counters().connected, 0)
  const back = servers.map((server) =>
    booted.agent(server, { onRequest: (_request, io) => io.respond({ exitCode: 5 }) }),
  )
  await Promise.all(back.map((agent) => agent.connect()))
  const outcomes = await Promise.all(
    servers.map(({ serverId }) => booted.relay().call(serverId, 'commands.read', { line: 'x', timeoutMs: 1 })),
  )
  assert.ok(outcomes.every(({ exitCode }) => exitCode === 5))
  const counters = booted.relay().counters()
  assert.equal(counters.connected, 200)
  assert.ok((counters.mostAtOnce ?? 99) <= LIMITS.handshakes, `${counters.mostAtOnce} handshakes at once`)
  assert.deepEqual(booted.clones, [])
})
