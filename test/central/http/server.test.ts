import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { CatalogueError } from '#proto/contract/errors.ts'
import { createHttp } from '../../../central/http/server.ts'

async function serve(t: TestContext, options: { https?: boolean; trustProxy?: boolean } = {}) {
  const app = await createHttp({ log: pino({ level: 'silent' }), https: false, trustProxy: false, ...options })
  t.after(() => app.close())
  return app
}

describe('the HTTP server', () => {
  for (const [trustProxy, address] of [
    [true, '192.0.2.7'],
    [false, '127.0.0.1'],
  ] as const) {
    test(`an address that the sender made up does not count, ${trustProxy ? 'behind' : 'without'} a proxy`, async (t) => {
      const app = await serve(t, { trustProxy })
      app.get('/ip', async (request) => request.ip)
      const headers = { 'x-forwarded-for': '203.0.113.1, 192.0.2.7' }
      assert.equal((await app.inject({ url: '/ip', headers })).body, address)
    })
  }

  test('a fault of ours shows nothing of its inside, a refusal its code', async (t) => {
    const app = await serve(t)
    app.get('/fault', async () => {
      throw new Error('select secret from users')
    })
    app.get('/refusal', async () => {
      throw new CatalogueError('SERVER_NOT_FOUND')
    })
    const fault = await app.inject('/fault')
    assert.equal(fault.statusCode, 500)
    assert.equal(fault.json().code, 'INTERNAL_ERROR')
    assert.ok(!fault.body.includes('secret'))
    assert.equal((await app.inject('/refusal')).statusCode, 404)
    assert.equal((await app.inject('/nowhere')).json().code, 'NOT_FOUND')
  })

  test('bodies that are too large or no JSON get the catalogue, not a stack', async (t) => {
    const app = await serve(t)
    app.post('/', async () => 'ok')
    const post = (payload: string) =>
      app.inject({ method: 'POST', url: '/', payload, headers: { 'content-type': 'application/json' } })
    const large = await post(JSON.stringify('x'.repeat(70_000)))
    assert.deepEqual([large.statusCode, large.json().code], [413, 'VALIDATION_ERROR'])
    const broken = await post('{"a":')
    assert.deepEqual([broken.statusCode, broken.json().code], [400, 'VALIDATION_ERROR'])
    const polluted = await post('{"__proto__":{"admin":true}}')
    assert.equal(polluted.statusCode, 400)
  })

  test('/mcp counts for itself, with a query or without; other pages are counted by address', async (t) => {
    const app = await serve(t)
    app.get('/mcp', async () => 'ok')
    app.get('/page', async () => 'ok')
    await app.ready()
    const limited = async (url: string) => 'x-ratelimit-limit' in (await app.inject(url)).headers
    assert.deepEqual([await limited('/mcp'), await limited('/mcp?a=1'), await limited('/page')], [false, false, true])
  })

  test('pages may load nothing from elsewhere and stand in no frame; https is remembered where it is used', async (t) => {
    const plain = (await (await serve(t)).inject('/healthz')).headers
    assert.match(String(plain['content-security-policy']), /default-src 'none'.*frame-ancestors 'none'/)
    assert.equal(plain['x-content-type-options'], 'nosniff')
    assert.equal(plain['strict-transport-security'], undefined)
    const secure = (await (await serve(t, { https: true })).inject('/healthz')).headers
    assert.match(String(secure['strict-transport-security']), /max-age=\d{7,}/)
  })
})
