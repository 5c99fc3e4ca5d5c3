import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Booted, bootMcp } from './boot-mcp.ts'
import { initialize, legacy, modern, send } from './send.ts'

describe('the door of /mcp', () => {
  let central: Booted
  before(async () => {
    central = await bootMcp({ rateLimit: { refusals: { burst: 1000, perSecond: 1 } } })
  })
  after(() => central.close())

  const list = modern('tools/list')

  describe('Origin', () => {
    const hostile = [
      'https://evil.example',
      'null',
      'not a url',
      '',
      'https://claude.example.evil.example',
      'https://sub.claude.example',
      'https://example',
      'http://claude.example',
      'https://claude.example:8443',
      'https://claude.example/',
      'https://claude.example https://evil.example',
      'http://localhost',
      'http://localhost:6275',
    ]
    for (const origin of hostile) {
      it(`refuses ${JSON.stringify(origin)} before authentication, with every method and a good token`, async () => {
        for (const method of ['POST', 'GET', 'DELETE', 'OPTIONS']) {
          for (const token of [null, 'alice', 'nonsense']) {
            const body = method === 'POST' ? list.body : undefined
            const answer = await send(central.url, { method, token, headers: { ...list.headers, origin }, body })
            assert.equal(answer.status, 403, `${method} with ${token}`)
            assert.equal(answer.headers['www-authenticate'], undefined)
            assert.equal(answer.headers['access-control-allow-origin'], undefined)
            assert.equal(answer.message.error?.data?.code, 'FORBIDDEN')
          }
        }
        assert.equal(central.calls.length, 0)
      })
    }

    it('challenges a request without Origin, and one with an allowed Origin', async () => {
      for (const headers of [{}, { origin: 'https://claude.example' }] as Record<string, string>[]) {
        const answer = await send(central.url, {
          token: null,
          headers: { ...list.headers, ...headers },
          body: list.body,
        })
        assert.equal(answer.status, 401)
        assert.match(String(answer.headers['www-authenticate']), /resource_metadata="http:\/\/localhost\/\.well-known/)
      }
    })

    it('answers the preflight of an allowed origin without a token', async () => {
      const answer = await send(central.url, {
        method: 'OPTIONS',
        token: null,
        headers: { origin: 'http://localhost:6274', 'access-control-request-method': 'POST' },
      })
      assert.equal(answer.status, 204)
      assert.equal(answer.headers['access-control-allow-origin'], 'http://localhost:6274')
      assert.match(String(answer.headers['access-control-allow-headers']), /authorization.*mcp-protocol-version/)
      assert.match(String(answer.headers['access-control-allow-methods']), /POST/)
    })

    it('lets an allowed origin read the answer and the headers it needs, on streams too', async () => {
      const headers = { ...list.headers, origin: 'https://claude.example' }
      const answer = await send(central.url, { headers, body: list.body })
      assert.equal(answer.status, 200)
      assert.equal(answer.headers['access-control-allow-origin'], 'https://claude.example')
      assert.match(String(answer.headers['access-control-expose-headers']), /WWW-Authenticate/)
      assert.match(String(answer.headers.vary), /Origin/)
    })
  })

  describe('Host', () => {
    it('refuses a foreign name when Central is local', async () => {
      for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.nip.io:80', '10.0.0.1']) {
        const answer = await send(central.url, { headers: { ...list.headers, host }, body: list.body })
        assert.equal(answer.status, 403, host)
      }
      for (const host of ['localhost', `127.0.0.1:${central.port}`, '[::1]:1']) {
        const answer = await send(central.url, { headers: { ...list.headers, host }, body: list.body })
        assert.equal(answer.status, 200, host)
      }
    })

    it('takes any name when Central is public, since its proxy chooses it', async () => {
      const open = await bootMcp({ publicUrl: 'https://central.example' })
      const answer = await send(open.url, { headers: { ...list.headers, host: 'upstream:80' }, body: list.body })
      await open.close()
      assert.equal(answer.status, 200)
    })
  })

  describe('bearer', () => {
    const bad = [
      undefined,
      'foo',
      'Bearer',
      'Bearer ',
      'Bearer foo',
      'Basic YWxpY2U6',
      'Bearer alice bob',
      'bearer\talice',
    ]
    for (const authorization of bad) {
      it(`challenges ${JSON.stringify(authorization)} on every method`, async () => {
        for (const method of ['POST', 'GET', 'DELETE', 'PUT']) {
          const answer = await send(central.url, {
            method,
            token: null,
            headers: { ...list.headers, ...(authorization !== undefined && { authorization }) },
            body: method === 'POST' ? list.body : undefined,
          })
          assert.equal(answer.status, 401)
          const challenge = String(answer.headers['www-authenticate'])
          assert.match(challenge, /resource_metadata=/)
          assert.match(challenge, /scope="read execute"/)
          assert.equal(/error="invalid_token"/.test(challenge), authorization !== undefined)
          assert.equal(answer.message.error?.data?.code, 'AUTH_FAILED')
        }
      })
    }

    it('knows no token in the query, the body or a cookie', async () => {
      for (const variant of [
        { path: '/mcp?access_token=alice' },
        { headers: { ...list.headers, cookie: 'access_token=alice' } },
        { body: { ...list.body, access_token: 'alice' } },
      ]) {
        const answer = await send(central.url, { token: null, headers: list.headers, body: list.body, ...variant })
        assert.equal(answer.status, 401)
      }
    })

    it('challenges before it looks at versions, content types or bodies', async () => {
      const odd: { headers: Record<string, string>; body: unknown }[] = [
        { headers: { 'mcp-protocol-version': '1999-01-01' }, body: list.body },
        { headers: { 'content-type': 'text/plain' }, body: 'hello' },
        { headers: {}, body: '{broken' },
        { headers: { 'mttrly-contract-version': '99' }, body: list.body },
      ]
      for (const one of odd) {
        const answer = await send(central.url, { token: null, ...one })
        assert.equal(answer.status, 401)
      }
    })

    it('takes the scheme in any case', async () => {
      const headers = { ...list.headers, authorization: 'bEARER alice' }
      const answer = await send(central.url, { token: null, headers, body: list.body })
      assert.equal(answer.status, 200)
    })
  })

  describe('path', () => {
    it('is /mcp exactly, without a redirect', async () => {
      for (const path of ['/mcp/', '/MCP', '/mcp/x', '//mcp']) {
        const answer = await send(central.url, { path, headers: list.headers, body: list.body })
        assert.equal(answer.status, 404, path)
        assert.equal(answer.headers.location, undefined)
      }
    })
  })

  describe('contract version', () => {
    it('serves major 1 in every spelling and refuses another', async () => {
      for (const version of ['1', '1.0', '1.7.3', 'v1']) {
        const headers = { ...list.headers, 'mttrly-contract-version': version }
        assert.equal((await send(central.url, { headers, body: list.body })).status, 200, version)
      }
      for (const version of ['2', '0', '10', 'latest', '1;2', '']) {
        const headers = { ...list.headers, 'mttrly-contract-version': version }
        const answer = await send(central.url, { headers, body: list.body })
        assert.equal(answer.status, 400, version)
        assert.equal(answer.message.error?.data?.code, 'CONTRACT_VERSION_UNSUPPORTED')
        assert.match(String(answer.message.error?.data?.suggested_action), /Upgrade the MCP client/)
      }
    })
  })

  describe('scope', () => {
    const change = modern('tools/call', { name: 'mttrly_change', arguments: {} })

    it('names all scopes that are needed when a token is too narrow', async () => {
      const answer = await send(central.url, { token: 'reader', ...change })
      assert.equal(answer.status, 403)
      assert.match(String(answer.headers['www-authenticate']), /error="insufficient_scope"/)
      assert.match(String(answer.headers['www-authenticate']), /scope="read execute"/)
      assert.match(String(answer.headers['www-authenticate']), /resource_metadata=/)
      assert.equal(answer.message.id, change.body.id)
      assert.equal(central.calls.length, 0)
    })

    it('refuses the old generation and a batch in the same way', async () => {
      const call = legacy('tools/call', { name: 'mttrly_change', arguments: {} })
      for (const body of [call, [legacy('tools/call', { name: 'mttrly_echo', arguments: {} }), call]]) {
        assert.equal((await send(central.url, { token: 'reader', body })).status, 403)
      }
    })

    it('lets the wider scope stand for the narrower', async () => {
      const echo = modern('tools/call', { name: 'mttrly_echo', arguments: { text: 'hi' } })
      assert.equal((await send(central.url, { token: 'runner', ...echo })).status, 200)
      assert.equal((await send(central.url, { token: 'reader', ...echo })).status, 200)
    })
  })

  describe('bodies', () => {
    it('answers malformed JSON with -32700', async () => {
      for (const body of ['{', '{"jsonrpc": "2.0"', 'nonsense', '\u0000', '{"a":1}}']) {
        const answer = await send(central.url, { body })
        assert.equal(answer.status, 400)
        assert.equal(answer.message.error?.code, -32700)
        assert.equal(answer.message.id, null)
      }
    })

    it('answers an empty POST with -32700', async () => {
      const answer = await send(central.url, { headers: { 'content-type': 'application/json' } })
      assert.deepEqual([answer.status, answer.message.error?.code], [400, -32700])
    })

    it('answers what is no request with -32600', async () => {
      for (const body of ['"text"', '7', 'null', 'true', '[]', '{}', { jsonrpc: '1.0', id: 1, method: 'ping' }]) {
        const answer = await send(central.url, { body })
        assert.equal(answer.status, 400, String(body))
        assert.equal(answer.message.error?.code, -32600)
      }
    })

    it('answers another content type with 415', async () => {
      for (const type of [
        'text/plain',
        'application/x-www-form-urlencoded',
        'application/jsonp',
        'multipart/form-data',
      ]) {
        const answer = await send(central.url, { headers: { ...list.headers, 'content-type': type }, body: list.body })
        assert.equal(answer.status, 415, type)
        assert.equal(answer.message.error?.data?.code, 'VALIDATION_ERROR')
      }
    })

    it('answers a body over the limit with 413', async () => {
      const big = modern('tools/call', { name: 'mttrly_echo', arguments: { text: 'x'.repeat(4 * 1024 * 1024) } })
      const answer = await send(central.url, big)
      assert.equal(answer.status, 413)
      assert.equal(answer.message.error?.data?.code, 'VALIDATION_ERROR')
    })

    it('refuses deep, wide and batched bodies before anything walks them', async () => {
      const deep = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${'['.repeat(50_000)}${']'.repeat(50_000)}}`
      const wide = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { list: Array(30_000).fill(0) } }
      const batch = Array.from({ length: 17 }, () => legacy('ping'))
      for (const body of [deep, wide, batch]) {
        const answer = await send(central.url, { body })
        assert.equal(answer.status, 400)
        assert.equal(answer.message.error?.code, -32600)
      }
    })

    it('takes a __proto__ in arguments for nothing', async () => {
      const { headers, body } = modern('tools/call', { name: 'mttrly_echo' })
      const text = JSON.stringify(body).replace('"name":', '"arguments":{"text":"t","__proto__":{"admin":1}},"name":')
      const answer = await send(central.url, { headers, body: text })
      assert.deepEqual(answer.message.result?.structuredContent, { text: 't', user: 'usr_alice' })
      assert.deepEqual(Object.keys(central.calls.at(-1)?.arguments as object), ['text'])
    })
  })

  describe('methods', () => {
    it('answers PUT, PATCH and a bare OPTIONS with 405 once the caller is known', async () => {
      for (const method of ['PUT', 'PATCH', 'OPTIONS']) {
        const answer = await send(central.url, { method })
        assert.equal(answer.status, 405)
        assert.equal(answer.headers.allow, 'GET, POST, DELETE')
      }
    })

    it('takes an empty DELETE that says it is JSON', async () => {
      const started = await send(central.url, { body: initialize() })
      const headers = {
        'mcp-session-id': String(started.headers['mcp-session-id']),
        'content-type': 'application/json',
      }
      const answer = await send(central.url, { method: 'DELETE', headers })
      assert.equal(answer.status, 200)
      assert.equal((await send(central.url, { method: 'DELETE', headers })).status, 404)
    })
  })

  it('gives every answer a request id, the same in header and body', async () => {
    const seen = new Set<string>()
    for (const one of [{ token: null }, { body: '{' }, { headers: { origin: 'https://evil.example' } }]) {
      const answer = await send(central.url, { ...list, ...one })
      const id = String(answer.headers['x-request-id'])
      assert.match(id, /^req_/)
      assert.equal(answer.message.error?.data?.request_id, id)
      seen.add(id)
    }
    assert.equal(seen.size, 3)
    const answer = await send(central.url, list)
    assert.match(String(answer.headers['x-request-id']), /^req_/)
  })
})
