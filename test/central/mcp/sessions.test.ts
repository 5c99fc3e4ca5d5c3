import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { type Booted, bootMcp } from './boot-mcp.ts'
import { initialize, legacy, send } from './send.ts'

const MINUTE = 60_000

describe('sessions of the 2025 generation', () => {
  let central: Booted
  const boot = async (options: Parameters<typeof bootMcp>[0] = {}) => {
    await central?.close()
    central = await bootMcp(options)
  }
  beforeEach(async () => {
    central = await bootMcp()
  })
  afterEach(() => central.close())

  async function start(token = 'alice'): Promise<string> {
    const answer = await send(central.url, { token, body: initialize() })
    assert.equal(answer.status, 200)
    return String(answer.headers['mcp-session-id'])
  }
  const ping = (id: string, token = 'alice') =>
    send(central.url, { token, headers: { 'mcp-session-id': id }, body: legacy('ping') })
  const status = async (id: string, token?: string) => (await ping(id, token)).status

  it('have ids that nobody can guess and that name their replica', async () => {
    const ids = [await start(), await start(), await start()]
    assert.equal(new Set(ids).size, 3)
    for (const id of ids) assert.match(id, /^r1\.[A-Za-z0-9_-]{32}$/)
  })

  it('are there for their user and client alone: to others they do not exist', async () => {
    const id = await start()
    assert.equal(await status(id), 200)
    const foreign = await ping(id, 'bob')
    const made = await ping(`r1.${'x'.repeat(32)}`)
    assert.deepEqual([foreign.status, made.status], [404, 404])
    const { request_id: _, ...said } = foreign.message.error?.data ?? {}
    const { request_id: __, ...saidOfNone } = made.message.error?.data ?? {}
    assert.deepEqual(said, saidOfNone)
    assert.equal(foreign.message.error?.code, -32001)
    assert.match(JSON.stringify(said), /no such session.*Send initialize again/)
    const without = await send(central.url, { body: legacy('ping') })
    assert.match(JSON.stringify(without.message.error?.data), /Mcp-Session-Id is missing\. Send initialize first/)
    assert.equal(await status(id, 'alice-elsewhere'), 404)
    for (const method of ['GET', 'DELETE']) {
      assert.equal((await send(central.url, { method, token: 'bob', headers: { 'mcp-session-id': id } })).status, 404)
    }
    assert.equal(await status(id), 200)
  })

  it('never authenticate', async () => {
    const id = await start()
    assert.equal(
      (await send(central.url, { token: null, headers: { 'mcp-session-id': id }, body: legacy('ping') })).status,
      401,
    )
  })

  it('go on under a new token of the same user and client', async () => {
    assert.equal(await status(await start(), 'alice-again'), 200)
  })

  it('run each call as who sends it, not as who began', async () => {
    const id = await start()
    const call = legacy('tools/call', { name: 'mttrly_echo', arguments: { text: 'x' } })
    await send(central.url, { token: 'alice-again', headers: { 'mcp-session-id': id }, body: call })
    assert.equal(central.calls.at(-1)?.principal.grantId, 'grant-alice-2')
  })

  it('are needed for everything but initialize', async () => {
    for (const one of [{ body: legacy('tools/list') }, { method: 'GET' }, { method: 'DELETE' }]) {
      assert.equal((await send(central.url, one)).status, 400)
    }
  })

  it('end after half an hour of silence', async () => {
    const [quiet, used] = [await start(), await start()]
    central.advance(20 * MINUTE)
    assert.equal(await status(used), 200)
    central.advance(20 * MINUTE)
    await start()
    assert.deepEqual([await status(quiet), await status(used)], [404, 200])
  })

  it('are bounded for each user: the one longest idle makes room', async () => {
    await boot({ sessionLimits: { perUser: 2 } })
    const others = await start('bob')
    const first = await start()
    central.advance(1)
    const second = await start()
    central.advance(1)
    await status(first)
    central.advance(1)
    const third = await start()
    assert.deepEqual([await status(first), await status(second), await status(third)], [200, 404, 200])
    assert.equal(await status(others, 'bob'), 200)
  })

  it('are bounded altogether, and one in use is never ended for another', async () => {
    await boot({ sessionLimits: { total: 1 } })
    const first = await start()
    const stream = new AbortController()
    const headers = { authorization: 'Bearer alice', 'mcp-session-id': first, accept: 'text/event-stream' }
    const open = await fetch(central.url, { headers, signal: stream.signal })
    assert.equal(open.status, 200)
    const refused = await send(central.url, { token: 'bob', body: initialize() })
    assert.deepEqual([refused.status, refused.headers['retry-after']], [503, '60'])
    stream.abort()
    await open.text().catch(() => {})
    // The server learns of the end of the stream in its own time.
    let answer = await send(central.url, { token: 'bob', body: initialize() })
    while (answer.status === 503) answer = await send(central.url, { token: 'bob', body: initialize() })
    assert.equal(answer.status, 200)
  })

  for (const [topic, message] of [
    ['grant_revoked', { grant_id: 'grant-alice' }],
    ['user_disabled', { user_id: 'usr_alice' }],
  ] as const) {
    it(`are closed with their streams on ${topic}`, async () => {
      const [id, others] = [await start(), await start('bob')]
      const headers = { authorization: 'Bearer alice', 'mcp-session-id': id, accept: 'text/event-stream' }
      const open = await fetch(central.url, { headers })
      central.bus.publish(topic, message)
      await open.text()
      assert.deepEqual([await status(id), await status(others, 'bob')], [404, 200])
    })
  }

  it('that never began leave nothing behind', async () => {
    await boot({ sessionLimits: { perUser: 1 } })
    const id = await start()
    const bad = { ...initialize(), params: { protocolVersion: 7 } }
    for (let i = 0; i < 3; i++) assert.equal((await send(central.url, { token: 'bob', body: bad })).status, 400)
    assert.equal(await status(id), 200)
  })

  it('resume a stream that broke, from the last event', async () => {
    const done = Promise.withResolvers<void>()
    const handlers = {
      mttrly_slow: async () => {
        await done.promise
        return { kind: 'result' as const, value: { late: true } }
      },
    }
    await boot({ handlers })
    const id = await start()
    const headers = {
      authorization: 'Bearer alice',
      'mcp-session-id': id,
      'mcp-protocol-version': '2025-11-25',
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
    }
    const broken = new AbortController()
    const body = JSON.stringify(legacy('tools/call', { name: 'mttrly_slow', arguments: {} }))
    const response = await fetch(central.url, { method: 'POST', headers, body, signal: broken.signal })
    const first = await response.body?.getReader().read()
    const lastEvent = /^id: (.+)$/m.exec(new TextDecoder().decode(first?.value))?.[1] ?? ''
    broken.abort()
    done.resolve()
    let resumed = { status: 409, text: '' }
    while (resumed.status === 409) {
      const again = await fetch(central.url, { headers: { ...headers, 'last-event-id': lastEvent } })
      resumed = { status: again.status, text: again.ok ? await readUntil(again, '"late":true') : await again.text() }
    }
    assert.match(resumed.text, /"structuredContent":\{"late":true\}/)
  })
})

async function readUntil(response: Response, needle: string): Promise<string> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true })
    if (text.includes(needle)) break
  }
  return text
}
