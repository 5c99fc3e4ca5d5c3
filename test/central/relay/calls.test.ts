import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { status } from '@grpc/grpc-js'
import { CatalogueError, type ErrorCode } from '#proto/contract/errors.ts'
import { LIMITS } from '#proto/contract/limits.ts'
import { type BootedFleet, type BootOptions, bootFleet, until } from '../../helpers/fleet.ts'

const open: BootedFleet[] = []
const boot = async (options?: BootOptions) => {
  const booted = await bootFleet(options)
  open.push(booted)
  return booted
}
afterEach(async () => {
  for (const booted of open.splice(0)) await booted.stop()
})

async function refusal(promise: Promise<unknown>, code: ErrorCode): Promise<Record<string, unknown>> {
  const error = await promise.then(
    () => assert.fail('it should have been refused'),
    (e: unknown) => e,
  )
  assert.ok(error instanceof CatalogueError, String(error))
  assert.equal(error.code, code)
  return error.details
}

const uptime = { line: 'uptime', timeoutMs: 1_000 }

describe('a call', () => {
  test('reaches the agent and comes back decoded', async () => {
    const booted = await boot()
    const { server } = await booted.connected({
      onRequest: (request, io) => {
        assert.deepEqual(io.received(), uptime)
        assert.ok(request.startBefore > Date.now())
        io.respond({ state: 'RUN_STATE_EXITED', exitCode: 3 })
      },
    })
    const outcome = await booted.relay().call(server.serverId, 'commands.read', uptime)
    assert.equal(outcome.exitCode, 3)
    assert.equal(outcome.state, 'RUN_STATE_EXITED')
  })

  test('to a server without a stream is SERVER_OFFLINE, and was not sent', async () => {
    const booted = await boot()
    const { serverId } = await booted.enrol()
    const details = await refusal(booted.relay().call(serverId, 'commands.read', uptime), 'SERVER_OFFLINE')
    assert.equal(details.sent, false)
  })

  test('many at once run side by side, and a slow one blocks no fast one', async () => {
    const booted = await boot()
    const slow = Promise.withResolvers<void>()
    const { server } = await booted.connected({
      onRequest: async (_request, io) => {
        const { line } = io.received()
        if (line === 'slow') await slow.promise
        io.respond({ detail: String(line) })
      },
    })
    const call = (line: string) => booted.relay().call(server.serverId, 'commands.read', { line, timeoutMs: 1 })
    const held = call('slow')
    const fast = await Promise.all(Array.from({ length: 20 }, (_, n) => call(`fast ${n}`)))
    assert.deepEqual(
      fast.map(({ detail }) => detail),
      Array.from({ length: 20 }, (_, n) => `fast ${n}`),
    )
    slow.resolve()
    assert.equal((await held).detail, 'slow')
  })

  test('more than may be in flight is refused here, and goes through when there is room', async () => {
    const booted = await boot({ limits: { requestsInFlight: 2 } })
    const waiting: (() => void)[] = []
    const { server } = await booted.connected({ onRequest: (_request, io) => void waiting.push(() => io.respond({})) })
    const call = () => booted.relay().call(server.serverId, 'commands.read', uptime)
    const held = [call(), call()]
    const details = await refusal(call(), 'RATE_LIMITED')
    assert.deepEqual([details.sent, details.by], [false, 'relay'])
    await until(() => waiting.length === 2)
    for (const answer of waiting.splice(0)) answer()
    await Promise.all(held)
    const again = call()
    await until(() => waiting.length === 1)
    waiting[0]?.()
    await again
  })

  test('whose time to begin is over is not sent', async () => {
    const booted = await boot()
    let received = 0
    const { server } = await booted.connected({ onRequest: () => void received++ })
    const details = await refusal(
      booted.relay().call(server.serverId, 'commands.read', uptime, { startBefore: Date.now() - 1 }),
      'TIMEOUT',
    )
    assert.equal(details.sent, false)
    assert.equal(received, 0)
  })

  test('that is too large for one message is refused before it harms the stream', async () => {
    const booted = await boot()
    const { server } = await booted.connected({ onRequest: (_request, io) => io.respond({}) })
    const line = 'x'.repeat(LIMITS.message)
    await refusal(booted.relay().call(server.serverId, 'commands.read', { line, timeoutMs: 1 }), 'VALIDATION_ERROR')
    await booted.relay().call(server.serverId, 'commands.read', uptime)
  })

  test('the agent’s refusal comes with its code; what it says is data, and cannot pretend to be Central', async () => {
    const booted = await boot()
    const { server } = await booted.connected({
      onRequest: (_request, io) =>
        io.fail('POLICY_DENIED', { rule: 'a\u001b[2Jb', by: 'relay', sent: false, deep: { x: ['\u202e'] } }),
    })
    const details = await refusal(booted.relay().call(server.serverId, 'commands.read', uptime), 'POLICY_DENIED')
    assert.deepEqual(details, { rule: 'a\\u{1b}[2Jb', by: 'agent', sent: false, deep: { x: ['\\u{202e}'] } })
  })

  test('a code that is in no catalogue is UNKNOWN_ERROR', async () => {
    const booted = await boot()
    const { server } = await booted.connected({ onRequest: (_request, io) => io.fail('rm -rf') })
    await refusal(booted.relay().call(server.serverId, 'commands.read', uptime), 'UNKNOWN_ERROR')
  })

  test('that takes too long ends with TIMEOUT, and the agent is told', async () => {
    const booted = await boot()
    const { server, agent } = await booted.connected()
    const id = 'req_1'
    await refusal(booted.relay().call(server.serverId, 'commands.read', uptime, { id, timeoutMs: 20 }), 'TIMEOUT')
    assert.deepEqual(await agent.next((frame) => frame.cancel), { requestId: id })
  })

  test('that is aborted is cancelled on the host, and answers with how it ended', async () => {
    const booted = await boot()
    const { server, agent } = await booted.connected({
      onRequest: async (_request, io) => {
        await io.cancelled
        io.respond({ state: 'RUN_STATE_CANCELLED' })
      },
    })
    const controller = new AbortController()
    const call = booted.relay().call(server.serverId, 'commands.read', uptime, { signal: controller.signal })
    await agent.next((frame) => frame.request)
    controller.abort()
    assert.equal((await call).state, 'RUN_STATE_CANCELLED')
  })

  test('that is aborted while the agent says nothing is given up', async () => {
    const booted = await boot({ limits: { cancelWithin: 20 } })
    const { server, agent } = await booted.connected()
    const controller = new AbortController()
    const call = booted.relay().call(server.serverId, 'commands.read', uptime, { signal: controller.signal })
    await agent.next((frame) => frame.request)
    controller.abort()
    assert.equal((await refusal(call, 'CONNECTION_ERROR')).lost, true)
  })

  test('whose stream is lost says that the outcome may come later', async () => {
    const booted = await boot()
    const { server, agent } = await booted.connected()
    const call = booted.relay().call(server.serverId, 'commands.read', uptime)
    await agent.next((frame) => frame.request)
    agent.close()
    assert.equal((await refusal(call, 'CONNECTION_ERROR')).lost, true)
  })

  test('an id asked again belongs to the newest caller', async () => {
    const booted = await boot()
    const answers: (() => void)[] = []
    const { server } = await booted.connected({
      onRequest: (_request, io) => void answers.push(() => io.respond({ exitCode: 7 })),
    })
    const call = () => booted.relay().call(server.serverId, 'commands.read', uptime, { id: 'act_1' })
    const [first, second] = [call(), call()]
    assert.equal((await refusal(first, 'CONNECTION_ERROR')).lost, true)
    await until(() => answers.length === 2)
    answers[1]?.()
    assert.equal((await second).exitCode, 7)
  })

  test('acknowledgements reach the agent', async () => {
    const booted = await boot()
    const { server, agent } = await booted.connected()
    await booted.relay().acknowledge(server.serverId, 'act_1')
    assert.deepEqual(await agent.next((frame) => frame.acknowledge), { requestId: 'act_1' })
    await booted.relay().acknowledge('srv_nobody', 'act_1')
  })
})

describe('output', () => {
  test('arrives whole and in order, and all of it before the answer', async () => {
    const booted = await boot()
    const sent = Buffer.from(Array.from({ length: 1_000_000 }, (_, n) => n % 251))
    const { server } = await booted.connected({
      onRequest: async (_request, io) => {
        await io.output(sent)
        io.respond({ outputBytes: sent.length })
      },
    })
    const parts: Buffer[] = []
    let reached = 0
    const outcome = await booted.relay().call(server.serverId, 'commands.read', uptime, {
      onOutput: async (offset, data) => {
        assert.equal(offset, reached)
        await turn()
        reached += data.length
        parts.push(Buffer.from(data))
      },
    })
    assert.equal(outcome.outputBytes, sent.length)
    assert.ok(Buffer.concat(parts).equals(sent))
  })

  test('a slow reader holds the agent back: no more than the credit is under way', async () => {
    const booted = await boot()
    let sent = 0
    const { server } = await booted.connected({
      onRequest: async (_request, io) => {
        for (let i = 0; i < 64; i++) {
          await io.output(Buffer.alloc(32 * 1024))
          sent += 32 * 1024
        }
        io.respond({})
      },
    })
    let read = 0
    let furthest = 0
    await booted.relay().call(server.serverId, 'commands.read', uptime, {
      onOutput: async (_offset, data) => {
        for (let i = 0; i < 5; i++) await turn()
        read += data.length
        furthest = Math.max(furthest, sent - read)
      },
    })
    assert.equal(read, 64 * 32 * 1024)
    assert.ok(furthest <= LIMITS.credit, `${furthest} bytes were under way`)
  })

  test('an agent that sends more than it was allowed loses its stream', async () => {
    const booted = await boot()
    const { server, agent } = await booted.connected({
      onRequest: (_request, io) => {
        for (let at = 0; at < 2 * LIMITS.credit; at += 32 * 1024) io.chunk(at, Buffer.alloc(32 * 1024))
      },
    })
    let taken = 0
    const never = new Promise<void>(() => {})
    const call = booted.relay().call(server.serverId, 'commands.read', uptime, {
      onOutput: (_offset, data) => {
        taken += data.length
        return taken > 64 * 1024 ? never : Promise.resolve()
      },
    })
    call.catch(() => {})
    assert.deepEqual(await agent.ended, { code: status.INVALID_ARGUMENT, details: 'credit exceeded' })
  })

  for (const [what, offset, size] of [
    ['a gap in the output', 10, 5],
    ['a chunk that is too large', 0, LIMITS.chunk + 1],
  ] as const) {
    test(`${what} ends the stream`, async () => {
      const booted = await boot()
      const { server, agent } = await booted.connected({
        onRequest: (_request, io) => io.chunk(offset, Buffer.alloc(size)),
      })
      await refusal(booted.relay().call(server.serverId, 'commands.read', uptime), 'CONNECTION_ERROR')
      assert.equal((await agent.ended).code, status.INVALID_ARGUMENT)
    })
  }

  test('bytes that come again are taken once, and a run goes on where it was', async () => {
    const booted = await boot()
    const { server } = await booted.connected({
      onRequest: (_request, io) => {
        io.chunk(4, Buffer.from('efgh'))
        io.chunk(6, Buffer.from('ghij'))
        io.chunk(0, Buffer.from('abcd'))
        io.respond({})
      },
    })
    const got: string[] = []
    await booted.relay().call(server.serverId, 'commands.read', uptime, {
      outputFrom: 6,
      onOutput: async (offset, data) => void got.push(`${offset}:${data}`),
    })
    assert.deepEqual(got, ['6:gh', '8:ij'])
  })

  test('a reader that breaks ends the call with its own error, and the run that nobody reads', async () => {
    const booted = await boot()
    const { server, agent } = await booted.connected({ onRequest: (_request, io) => io.chunk(0, Buffer.from('x')) })
    const call = booted.relay().call(server.serverId, 'commands.read', uptime, {
      onOutput: async () => {
        throw new Error('disk full')
      },
    })
    await assert.rejects(call, /disk full/)
    await agent.next((frame) => frame.cancel)
  })

  test('a granted run is not ended because its reader broke', async () => {
    const booted = await boot()
    const { server, agent } = await booted.connected({ onRequest: (_request, io) => io.chunk(0, Buffer.from('x')) })
    const call = booted.relay().call(
      server.serverId,
      'commands.act',
      {},
      {
        onOutput: async () => {
          throw new Error('disk full')
        },
      },
    )
    await assert.rejects(call, /disk full/)
    agent.send({ ping: { sentAt: 5 } })
    await agent.next((frame) => frame.pong)
    assert.equal(
      agent.frames.some((frame) => frame.cancel),
      false,
    )
  })
})

describe('answers for what was not asked', () => {
  test('of no request, or a second time, are counted and change nothing', async () => {
    const booted = await boot()
    const { server, agent } = await booted.connected({
      onRequest: (_request, io) => {
        io.respond({ exitCode: 1 })
        io.respond({ exitCode: 2 })
        io.chunk(0, Buffer.from('late'))
      },
    })
    agent.send({ response: { requestId: 'req_of_another', body: Buffer.alloc(0) } })
    assert.equal((await booted.relay().call(server.serverId, 'commands.read', uptime)).exitCode, 1)
    await until(() => booted.relay().counters().strayChunks === 1)
    assert.equal(booted.relay().counters().strayAnswers, 2)
    assert.equal(booted.relay().counters().connected, 1)
  })

  test('one agent cannot answer for another', async () => {
    const booted = await boot()
    const victim = await booted.connected()
    const forger = await booted.connected()
    const call = booted.relay().call(victim.server.serverId, 'commands.read', uptime, { id: 'req_known' })
    await victim.agent.next((frame) => frame.request)
    forger.agent.send({ response: { requestId: 'req_known', failure: { code: 'FORBIDDEN', detailsJson: '' } } })
    await until(() => booted.relay().counters().strayAnswers === 1)
    victim.agent.send({ response: { requestId: 'req_known', body: Buffer.alloc(0) } })
    assert.equal((await call).exitCode, 0)
  })
})

test('an agent that stops reading is cut off when its queue is full', async () => {
  const booted = await boot({ limits: { queuedFrames: 8 } })
  const { server, agent } = await booted.connected()
  agent.pause()
  const line = 'x'.repeat(64 * 1024)
  const details: unknown[] = []
  for (let i = 0; i < 30; i++) {
    booted
      .relay()
      .call(server.serverId, 'commands.read', { line, timeoutMs: 1 })
      .catch((error: CatalogueError) => details.push(error.code))
  }
  await until(() => details.includes('RATE_LIMITED'))
  for (let i = 0; i < 20; i++) await booted.relay().acknowledge(server.serverId, `act_${i}`)
  await until(() => booted.relay().counters().connected === 0)
})
