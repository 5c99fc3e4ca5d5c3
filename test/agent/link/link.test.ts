// The link as the real daemon has it, against a real mTLS server.
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { LIMITS } from '#proto/contract/limits.ts'
import { type Connected, type FakeCentral, newId, startFakeCentral } from '../../helpers/fake-central.ts'
import {
  type AgentHome,
  enrolWith,
  makeAgentHome,
  type RealAgent,
  removeAgentHome,
  startAgent,
} from '../../helpers/real-agent.ts'

describe('the link', () => {
  let central: FakeCentral
  let home: AgentHome
  let agent: RealAgent
  let link: Connected
  before(async () => {
    central = await startFakeCentral()
    home = makeAgentHome()
    await enrolWith(central, home)
    agent = startAgent(home)
    link = await central.agent(1)
  })
  after(async () => {
    agent.signal('SIGTERM')
    await agent.exited
    await central.stop()
    removeAgentHome(home)
  })

  it('lets a fast request pass a slow one', async () => {
    const slow = link.request('commands.read', { line: 'sleep 300' }, { id: 'req_slow' })
    assert.equal((await link.request('commands.read', { line: 'echo fast' })).output.toString(), 'fast\n')
    link.send({ cancel: { requestId: 'req_slow' } })
    assert.equal((await slow).body?.state, 'RUN_STATE_CANCELLED')
  })

  it('starts nothing past its time', async () => {
    const reply = await link.request('commands.read', { line: 'uptime' }, { startBefore: Date.now() - 1 })
    assert.deepEqual(reply.failure, { code: 'TIMEOUT', details: { reason: 'start_before', started: false } })
  })

  it('answers what it does not know, and what is malformed', async () => {
    const unknown = link.frame(({ response }) => response?.requestId === 'req_unknown')
    link.send({
      request: { id: 'req_unknown', method: 'files.read', body: Buffer.alloc(0), startBefore: Date.now() + 1_000 },
    })
    assert.equal((await unknown).response?.failure?.code, 'AGENT_OUTDATED')
    for (const method of ['toString', 'commands.toString', 'commands.constructor', '']) {
      const answer = link.frame(({ response }) => response?.requestId === `req_${method}`)
      link.send({ request: { id: `req_${method}`, method, body: Buffer.alloc(0), startBefore: Date.now() + 1_000 } })
      assert.equal((await answer).response?.failure?.code, 'AGENT_OUTDATED', method)
    }
    const damaged = link.frame(({ response }) => response?.requestId === 'req_damaged')
    link.send({
      request: {
        id: 'req_damaged',
        method: 'commands.read',
        body: Buffer.from([0xff, 0xff]),
        startBefore: Date.now() + 1_000,
      },
    })
    assert.equal((await damaged).response?.failure?.code, 'VALIDATION_ERROR')
    assert.equal((await link.request('commands.read', { line: '' })).failure?.code, 'VALIDATION_ERROR')
    assert.equal(
      (await link.request('commands.read', { line: 'x'.repeat(LIMITS.commandLine + 1) })).failure?.code,
      'VALIDATION_ERROR',
    )
  })

  it('refuses the request that is one too many, and only that', async () => {
    const ids = Array.from({ length: LIMITS.requestsInFlight }, () => newId('req'))
    // Lanes are not started for these: an outcome that is not there yet is waited for by one request each.
    const { id, request } = central.granted({ argv: ['/bin/sleep', '300'] })
    const act = link.request('commands.act', request, { id })
    const reads = ids.slice(1).map((read) => link.request('commands.read', { line: 'sleep 300' }, { id: read }))
    const refused = await link.request('commands.read', { line: 'uptime' })
    assert.equal(refused.failure?.code, 'RATE_LIMITED')
    for (const cancelled of [id, ...ids]) link.send({ cancel: { requestId: cancelled } })
    for (const reply of await Promise.all([act, ...reads])) assert.equal(reply.body?.state, 'RUN_STATE_CANCELLED')
    link.send({ acknowledge: { requestId: id } })
  })

  it('sends no more output than it has credit for', async () => {
    let received = 0
    const { promise: full, resolve } = Promise.withResolvers<void>()
    const reply = link.request(
      'commands.read',
      { line: 'yes | head -c 3000000' },
      {
        id: 'req_credit',
        credit: false,
        onChunk: (_offset, data) => {
          received += data.length
          if (received >= LIMITS.credit) resolve()
        },
      },
    )
    await full
    assert.equal(
      (await link.request('commands.read', { line: 'echo others go on' })).output.toString(),
      'others go on\n',
    )
    assert.equal(received, LIMITS.credit)
    link.send({ credit: { requestId: 'req_credit', bytes: 10_000_000 } })
    const { body, output, offsets } = await reply
    assert.equal(output.length, 3_000_000)
    assert.equal(body?.outputBytes, 3_000_000)
    assert.deepEqual(
      offsets,
      [...offsets].sort((a, b) => a - b),
    )
  })

  it('comes back when the stream is cut, ends what only reads, and lets what acts go on', async () => {
    const effect = join(home.root, 'effect')
    const { id, request } = central.granted({
      argv: ['/bin/sh', '-c', `echo ran >> ${effect}; echo begun; sleep 1; echo ended`],
    })
    const { promise: begun, resolve } = Promise.withResolvers<void>()
    const act = link.request('commands.act', request, { id, onChunk: () => resolve() }).catch(() => 'lost')
    const read = link.request('commands.read', { line: 'sleep 300' }).catch(() => 'lost')
    await begun
    link.cut()
    assert.deepEqual([await act, await read], ['lost', 'lost'])
    link = await central.agent()
    assert.deepEqual(link.hello.unacknowledged, [id])
    const again = await link.request('commands.act', { ...request, outputFrom: 'begun\n'.length }, { id })
    assert.equal(again.output.toString(), 'ended\n')
    assert.equal(again.body?.state, 'RUN_STATE_EXITED')
    assert.equal(readFileSync(effect, 'utf8'), 'ran\n')
    link.send({ acknowledge: { requestId: id } })
  })

  it('answers a ping', async () => {
    link.send({ ping: { sentAt: 42 } })
    assert.equal((await link.frame(({ pong }) => pong?.sentAt === 42)).pong?.sentAt, 42)
  })
})

describe('a certificate at half of its life', () => {
  it('is renewed over the stream, tried, and only then taken', async () => {
    const central = await startFakeCentral({ issuedAgo: (LIMITS.certificateLife * 2) / 3 })
    const home = makeAgentHome()
    await enrolWith(central, home)
    const identity = () => JSON.parse(readFileSync(join(home.data, 'identity.json'), 'utf8'))
    const before = identity()
    const agent = startAgent(home)
    const first = await central.agent(1)
    const { certificateRequest } = await first.frame((frame) => frame.frame === 'certificateRequest')
    const issued = await central.certify(certificateRequest?.csrPem ?? '')
    first.send({ certificate: { certificatePem: issued } })
    const second = await central.agent(2)
    await second.frame((frame) => frame.frame === 'heartbeat')
    assert.equal(central.serials[1], new X509Certificate(issued).serialNumber)
    assert.equal(second.hello.instanceId, first.hello.instanceId)
    assert.equal(identity().certificatePem, issued)
    assert.notEqual(identity().keyPem, before.keyPem)
    agent.signal('SIGTERM')
    assert.equal(await agent.exited, 0)
    await central.stop()
    removeAgentHome(home)
  })
})

describe('whom an agent does not speak with', () => {
  it('a server of another CA', async () => {
    const [central, impostor] = [await startFakeCentral(), await startFakeCentral()]
    const home = makeAgentHome()
    await enrolWith(central, home)
    const path = join(home.data, 'identity.json')
    writeFileSync(
      path,
      JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), linkAddress: impostor.linkAddress }),
    )
    const agent = startAgent(home)
    while (!agent.log.join('').includes('not connected')) await new Promise((resolve) => setTimeout(resolve, 20))
    assert.equal(impostor.agents.length, 0)
    agent.signal('SIGTERM')
    assert.equal(await agent.exited, 0)
    await central.stop()
    await impostor.stop()
    removeAgentHome(home)
  })
})
