import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { after, before, describe, it } from 'node:test'
import type { IncomingCall } from '../../../central/calls/run-call.ts'
import { type Booted, bootMcp } from './boot-mcp.ts'
import { initialize, legacy, modern, type Sent, send } from './send.ts'

const textOf = (answer: Sent) => {
  const content = answer.message.result?.content as { type: string; text: string }[]
  assert.equal(content.length, 1)
  assert.equal(content[0]?.type, 'text')
  return JSON.parse(content[0].text)
}

describe('a call through /mcp', () => {
  let central: Booted
  before(async () => {
    central = await bootMcp()
  })
  after(() => central.close())

  const echo = (args: unknown) => modern('tools/call', { name: 'mttrly_echo', arguments: args })

  it('answers with structured content and the same as text', async () => {
    const answer = await send(central.url, echo({ text: 'hello' }))
    assert.deepEqual(answer.message.result?.structuredContent, { text: 'hello', user: 'usr_alice' })
    assert.deepEqual(textOf(answer), answer.message.result?.structuredContent)
    assert.equal(answer.message.result?.isError, undefined)
  })

  it('gives run-call the principal, the arguments untouched and the id of the request', async () => {
    const answer = await send(central.url, { ...echo({ text: 'hello', unknown: [1] }), token: 'bob' })
    const call = central.calls.at(-1)
    assert.equal(call?.principal.userId, 'usr_bob')
    assert.equal(call?.tool, 'mttrly_echo')
    assert.deepEqual(call?.arguments, { text: 'hello', unknown: [1] })
    assert.equal(call?.requestId, answer.headers['x-request-id'])
  })

  it('never lets the token further than the door', async () => {
    await send(central.url, echo({ text: 'hello' }))
    assert.ok(!JSON.stringify(central.calls.at(-1)).includes('Bearer'))
  })

  it('wraps bad arguments in VALIDATION_ERROR with what is wrong', async () => {
    for (const args of [{}, { text: 7 }, { text: 'x'.repeat(101) }, { text: 'x', times: 1.5 }]) {
      const answer = await send(central.url, echo(args))
      assert.equal(answer.message.result?.isError, true)
      assert.equal(answer.message.result?.structuredContent, undefined)
      const error = textOf(answer)
      assert.equal(error.code, 'VALIDATION_ERROR')
      assert.equal(error.details.issues.length, 1)
      assert.equal(error.request_id, answer.headers['x-request-id'])
    }
  })

  it('refuses arguments that are no object before they become a call', async () => {
    const before = central.calls.length
    for (const args of ['text', [1], 7]) {
      const answer = await send(central.url, echo(args))
      assert.equal(answer.message.error?.code, -32602)
    }
    assert.equal(central.calls.length, before)
  })

  it('shows an error as one JSON block of the catalogue, without structured content', async () => {
    const answer = await send(central.url, modern('tools/call', { name: 'mttrly_fail', arguments: {} }))
    assert.equal(answer.message.result?.isError, true)
    assert.ok(!('structuredContent' in (answer.message.result ?? {})))
    assert.deepEqual(textOf(answer), {
      code: 'DIAGNOSTIC_COOLDOWN',
      message: 'The per-server diagnostic cooldown has not expired yet.',
      suggested_action: 'Wait for the cooldown period to expire before retrying.',
      request_id: answer.headers['x-request-id'],
      retry_after_s: 7,
      details: { server_id: 'srv_1' },
    })
  })

  it('answers an unknown and a planned tool with -32602, and run-call hears of both', async () => {
    for (const name of ['mttrly_nothing', 'mttrly_planned', 'constructor', '__proto__', 'x'.repeat(500)]) {
      const answer = await send(central.url, modern('tools/call', { name, arguments: {} }))
      assert.equal(answer.message.error?.code, -32602)
      assert.ok((answer.message.error?.message.length ?? 0) < 160)
      assert.equal(central.calls.at(-1)?.tool, name)
    }
  })

  it('keeps the calls of a batch apart', async () => {
    const started = await send(central.url, { body: initialize({}, '2025-03-26') })
    const headers = { 'mcp-session-id': String(started.headers['mcp-session-id']) }
    const call = () => legacy('tools/call', { name: 'mttrly_echo', arguments: { text: 'b' } })
    const before = central.calls.length
    const answer = await send(central.url, { headers, body: [call(), call()] })
    assert.equal(answer.status, 200)
    const ids = central.calls.slice(before).map(({ requestId }) => requestId)
    assert.equal(new Set(ids).size, 2)
    assert.equal(ids[0], answer.headers['x-request-id'])
  })

  describe('headers against body', () => {
    const list = modern('tools/list')
    const changed = (text: string, by: string) => JSON.parse(JSON.stringify(list.body).replace(text, by))
    const cases = [
      ['another method', { ...list, headers: { ...list.headers, 'mcp-method': 'tools/call' } }, 400, -32020],
      ['no method', { ...list, headers: { 'mcp-protocol-version': '2026-07-28' } }, 400, -32020],
      ['another version', { ...list, headers: { ...list.headers, 'mcp-protocol-version': '2025-11-25' } }, 400, -32020],
      [
        'a version nobody knows',
        {
          headers: { ...list.headers, 'mcp-protocol-version': '2099-01-01' },
          body: changed('2026-07-28', '2099-01-01'),
        },
        400,
        -32022,
      ],
      ['a method nobody knows', modern('does/not/exist'), 404, -32601],
      ['no envelope', { headers: list.headers, body: legacy('tools/list') }, 400, -32602],
    ] as const
    for (const [name, request, status, code] of cases) {
      it(`answers ${name} with ${status} and ${code}`, async () => {
        const answer = await send(central.url, request)
        assert.deepEqual([answer.status, answer.message.error?.code], [status, code])
      })
    }

    it('answers another tool in Mcp-Name with -32020', async () => {
      const call = echo({ text: 'x' })
      const answer = await send(central.url, { ...call, headers: { ...call.headers, 'mcp-name': 'mttrly_change' } })
      assert.deepEqual([answer.status, answer.message.error?.code], [400, -32020])
    })

    it('answers a probe of the newer generation without an envelope with 400, not 5xx', async () => {
      assert.equal((await send(central.url, { body: legacy('server/discover') })).status, 400)
    })
  })
})

describe('progress', () => {
  it('is sent at most once a second, growing, and only to who asked', async () => {
    const handlers = {
      mttrly_slow: async (call: IncomingCall) => {
        for (let step = 1; step <= 6; step++) {
          call.progress(`step ${step}`)
          central.advance(400)
        }
        return { kind: 'result' as const, value: {} }
      },
    }
    const central = await bootMcp({ handlers })
    const params = { name: 'mttrly_slow', arguments: {} }
    const asked = await send(central.url, modern('tools/call', { ...params, _meta: { progressToken: 'p1' } }))
    const silent = await send(central.url, modern('tools/call', params))
    await central.close()
    assert.deepEqual(
      asked.earlier.map(({ method, params }) => [method, params]),
      [
        ['notifications/progress', { progressToken: 'p1', progress: 1, message: 'step 1' }],
        ['notifications/progress', { progressToken: 'p1', progress: 2, message: 'step 4' }],
      ],
    )
    assert.deepEqual(silent.earlier, [])
  })
})

describe('a client that goes away', () => {
  /** A tool that ends when its call is aborted. */
  function slow() {
    const seen = Promise.withResolvers<IncomingCall>()
    const aborted = Promise.withResolvers<void>()
    const handler = async (call: IncomingCall) => {
      call.signal.addEventListener('abort', () => aborted.resolve())
      seen.resolve(call)
      await aborted.promise
      return { kind: 'result' as const, value: {} }
    }
    return { seen: seen.promise, aborted: aborted.promise, handlers: { mttrly_slow: handler } }
  }

  it('aborts its call by closing the stream (2026-07-28)', async () => {
    const { seen, aborted, handlers } = slow()
    const central = await bootMcp({ handlers })
    const { headers, body } = modern('tools/call', { name: 'mttrly_slow', arguments: {} })
    const outgoing = httpRequest(central.url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json', authorization: 'Bearer alice' },
    })
    outgoing.on('error', () => {})
    outgoing.end(JSON.stringify(body))
    await seen
    outgoing.destroy()
    await aborted
    await central.close()
  })

  it('aborts its call by notifications/cancelled (2025)', async () => {
    const { seen, aborted, handlers } = slow()
    const central = await bootMcp({ handlers })
    const started = await send(central.url, { body: initialize() })
    const headers = { 'mcp-session-id': String(started.headers['mcp-session-id']) }
    const call = legacy('tools/call', { name: 'mttrly_slow', arguments: {} })
    send(central.url, { headers, body: call }).catch(() => {})
    await seen
    const notice = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: call.id } }
    assert.equal((await send(central.url, { headers, body: notice })).status, 202)
    await aborted
    await central.close()
  })
})

describe('allowances', () => {
  const call = () => modern('tools/call', { name: 'mttrly_echo', arguments: { text: 'x' } })

  it('refuses calls in band, per grant, until the bucket has filled', async () => {
    const central = await bootMcp({ rateLimit: { calls: { burst: 2, perSecond: 0.5 } } })
    const codes: unknown[] = []
    for (let i = 0; i < 3; i++) codes.push((await send(central.url, call())).message.result?.isError ?? false)
    assert.deepEqual(codes, [false, false, true])
    const refused = await send(central.url, call())
    assert.equal(refused.status, 200)
    assert.deepEqual([textOf(refused).code, textOf(refused).retry_after_s], ['RATE_LIMITED', 2])
    assert.equal(central.calls.length, 2)
    assert.equal((await send(central.url, { ...call(), token: 'alice-elsewhere' })).message.result?.isError, undefined)
    assert.equal((await send(central.url, { ...call(), token: 'bob' })).message.result?.isError, undefined)
    central.advance(2000)
    assert.equal((await send(central.url, call())).message.result?.isError, undefined)
    await central.close()
  })

  it('answers a flood of requests with 429 and Retry-After', async () => {
    const central = await bootMcp({ rateLimit: { requests: { burst: 2, perSecond: 0.1 } } })
    const answers = []
    for (let i = 0; i < 3; i++) answers.push(await send(central.url, modern('tools/list')))
    await central.close()
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 429],
    )
    assert.equal(answers[2]?.headers['retry-after'], '10')
    assert.equal(answers[2]?.message.error?.data?.retry_after_s, 10)
  })

  it('answers a flood without a good token with 429, and good tokens from the same address as ever', async () => {
    const central = await bootMcp({ rateLimit: { refusals: { burst: 2, perSecond: 0.1 } } })
    const statuses = []
    for (const token of [null, 'nonsense', null, 'nonsense', 'alice']) {
      statuses.push((await send(central.url, { ...modern('tools/list'), token })).status)
    }
    await central.close()
    assert.deepEqual(statuses, [401, 401, 429, 429, 200])
  })
})

describe('faults', () => {
  it('of the bearer check are a 503 or 500 of the catalogue, never an open door', async () => {
    const verifyBearer = async () => {
      throw new Error('the database is away: secret detail')
    }
    const central = await bootMcp({ verifyBearer })
    const answer = await send(central.url, modern('tools/list'))
    await central.close()
    assert.equal(answer.status, 500)
    assert.equal(answer.message.error?.data?.code, 'INTERNAL_ERROR')
    assert.ok(!answer.text.includes('secret detail'))
  })

  it('of a call say nothing of their inside', async () => {
    const handlers = {
      mttrly_slow: async () => {
        throw new Error('secret detail')
      },
    }
    const central = await bootMcp({ handlers })
    const answer = await send(central.url, modern('tools/call', { name: 'mttrly_slow', arguments: {} }))
    await central.close()
    assert.ok(!answer.text.includes('secret detail'))
    assert.ok(answer.message.error ?? answer.message.result?.isError)
  })
})
