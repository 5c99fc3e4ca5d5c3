// One stream under a Central that does not behave.
import assert from 'node:assert/strict'
import { EventEmitter, getEventListeners } from 'node:events'
import { describe, it } from 'node:test'
import { LIMITS } from '#proto/contract/limits.ts'
import type { AgentFrame } from '#proto/gen/mttrly/agent/v1/AgentFrame.ts'
import type { LinkStream } from '../../../agent/link/connect.ts'
import type { Handle } from '../../../agent/link/dispatch.ts'
import { createCredit } from '../../../agent/link/flow-control.ts'
import { heartbeatEvery, openSession } from '../../../agent/link/session.ts'

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A stream that takes what is written until it is told to be full; nothing leaves it then. */
function fakeStream() {
  const emitter = new EventEmitter()
  const written: AgentFrame[] = []
  const state = { full: false, cancelled: false }
  const stream = Object.assign(emitter, {
    destroyed: false,
    writableLength: 0,
    write(frame: AgentFrame): boolean {
      written.push(frame)
      if (state.full) stream.writableLength += 1
      return !state.full
    },
    cancel: () => {
      state.cancelled = true
    },
    end() {},
  })
  return { stream, written, state }
}

function open(handle: Handle) {
  const fake = fakeStream()
  const log = { info() {}, warn() {}, error() {} }
  const rooms = { clock: { now: () => 0 }, log, handle, sample: async () => ({}), acknowledge: async () => {} }
  const session = openSession(fake.stream as unknown as LinkStream, {}, { onCertificate() {}, onTrust() {} }, rooms)
  const receive = (frame: Record<string, unknown>): void => {
    fake.stream.emit('data', { frame: Object.keys(frame)[0], ...frame })
  }
  const ask = (id: string): void => receive({ request: { id, method: 'm', body: Buffer.alloc(0), startBefore: 0 } })
  receive({ welcome: { heartbeatMs: 0, initialCredit: 0 } })
  return { ...fake, session, receive, ask }
}

describe('a stream', () => {
  it('wakes every request that waits for room, not only the last', async () => {
    const { stream, state, written, session, ask } = open(async (_request, ctx) => {
      await ctx.output(0, Buffer.from(ctx.requestId))
      return { kind: 'body', body: Buffer.alloc(0) }
    })
    await tick()
    state.full = true
    session.send({ ping: { sentAt: 1 } })
    for (const id of ['a', 'b', 'c']) ask(id)
    await tick()
    state.full = false
    stream.emit('drain')
    await tick()
    const answered = written.flatMap(({ response }) => response?.requestId ?? [])
    assert.deepEqual(answered.sort(), ['a', 'b', 'c'])
    session.end()
  })
  it('is given up when Central asks and never reads', async () => {
    const { state, written, session, ask } = open(async () => new Promise(() => {}))
    state.full = true
    for (let index = 0; index < 3 * LIMITS.queuedFrames; index += 1) ask(`r${index}`)
    assert.equal(await Promise.race([session.over, tick()]), 'Central does not read')
    assert.equal(state.cancelled, true)
    assert.ok(written.length <= LIMITS.queuedFrames + 10, String(written.length))
  })
  it('beats at a rate that Central cannot turn into a flood', () => {
    assert.deepEqual([0, 1, 5_000, 2 ** 32 - 1].map(heartbeatEvery), [LIMITS.heartbeat, 1_000, 5_000, 300_000])
  })
})

describe('credit', () => {
  it('leaves nothing behind on the signals of a stream that lives for months', async () => {
    const stream = new AbortController()
    for (let index = 0; index < 10; index += 1) {
      const request = new AbortController()
      const credit = createCredit(1, [request.signal, stream.signal])
      await credit.take(1)
      credit.close()
    }
    assert.equal(getEventListeners(stream.signal, 'abort').length, 0)
  })
})
