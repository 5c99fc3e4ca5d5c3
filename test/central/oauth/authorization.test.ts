// Groups 12, 13 and 14: requests that must not end in a code, and codes that must not end in a token.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { decodeJwt } from 'jose'
import { createBrowser } from './browser.ts'
import {
  authorizationRequest,
  authorize,
  connected,
  exchange,
  post,
  REDIRECT,
  registered,
  toConsent,
} from './client.ts'
import { createWorld, type World } from './world.ts'

let world: World
let clientId: string
before(async () => {
  world = await createWorld()
  clientId = (await registered(world)).client_id
})
after(() => world.close())

const errorOf = async (answer: Response): Promise<string> => ((await answer.json()) as { error: string }).error

const ask = (changes: Record<string, string | undefined>, id = clientId) =>
  fetch(authorizationRequest(world, id, changes).url, { redirect: 'manual', headers: { accept: 'text/html' } })

describe('sent back to the client with an error', () => {
  const RETURNED: [string, Record<string, string | undefined>, string][] = [
    ['no PKCE', { code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
    ['plain PKCE', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['PKCE without a method, which means plain', { code_challenge_method: undefined }, 'invalid_request'],
    ['another resource', { resource: 'https://other.example/mcp' }, 'invalid_target'],
    ['a resource that only begins alike', { resource: 'RESOURCE/x' }, 'invalid_target'],
    ['a resource that is no URL', { resource: 'mcp' }, 'invalid_target'],
    ['a token in the redirect', { response_type: 'token' }, 'invalid_request'],
    ['an answer by form', { response_mode: 'form_post' }, 'unsupported_response_mode'],
    ['silently', { prompt: 'none' }, 'login_required'],
    ['a request object', { request: 'eyJhbGciOiJub25lIn0.e30.' }, 'request_not_supported'],
  ]
  for (const [what, changes, error] of RETURNED) {
    test(what, async () => {
      const resource = changes.resource?.replace('RESOURCE', world.resource)
      const answer = await ask(resource ? { ...changes, resource } : changes)
      const back = new URL(answer.headers.get('location') ?? '')
      assert.equal(back.origin + back.pathname, REDIRECT)
      // RFC 6749, section 4.2.2.1: whoever asked for a token is answered in the fragment.
      const answered = back.hash ? new URLSearchParams(back.hash.slice(1)) : back.searchParams
      assert.equal(answered.get('error'), error)
      assert.equal(answered.get('iss'), world.publicUrl)
      assert.equal(answered.get('code'), null)
    })
  }
})

describe('told to the person, and never sent anywhere', () => {
  const LOCAL: [string, Record<string, string | undefined>, string?][] = [
    ['an unknown client', {}, 'nobody'],
    ['a client id that is a URL, where documents are off', {}, 'https://client.example/metadata'],
    ['another path', { redirect_uri: 'http://127.0.0.1:51234/other' }],
    ['a longer path', { redirect_uri: 'http://127.0.0.1:51234/callback/more' }],
    ['a query that was not registered', { redirect_uri: 'http://127.0.0.1:51234/callback?x=1' }],
    ['another loopback name', { redirect_uri: 'http://localhost:51234/callback' }],
    ['https in place of http', { redirect_uri: 'https://127.0.0.1:51234/callback' }],
    ['user information', { redirect_uri: 'http://evil.example@127.0.0.1:51234/callback' }],
    ['the loopback address as user information', { redirect_uri: 'http://127.0.0.1:51234@evil.example/callback' }],
    ['a subdomain', { redirect_uri: 'http://127.0.0.1.evil.example:51234/callback' }],
    ['a fragment', { redirect_uri: 'http://127.0.0.1:51234/callback#x' }],
    ['a script', { redirect_uri: 'javascript:alert(1)' }],
    ['no redirect', { redirect_uri: undefined }],
  ]
  for (const [what, changes, id] of LOCAL) {
    test(what, async () => {
      const answer = await ask(changes, id)
      assert.equal(answer.headers.get('location'), null)
      assert.ok(answer.status >= 400 && answer.status < 500)
      const text = await answer.text()
      assert.match(text, /could not be connected/)
      assert.match(answer.headers.get('content-security-policy') ?? '', /frame-ancestors 'none'/)
      assert.ok(!text.includes('<script>'))
    })
  }

  test('markup in a parameter comes out as text', async () => {
    const answer = await ask({ redirect_uri: '"><img src=x onerror=alert(1)>' }, '<b>nobody</b>')
    assert.ok(!(await answer.text()).includes('<img src=x'))
  })
})

test('the port of a loopback redirect is free; nothing else of it is', async () => {
  const other = 'http://127.0.0.1:60999/callback'
  const { back, code, request } = await authorize(world, clientId, { changes: { redirect_uri: other } })
  assert.equal(back.origin + back.pathname, other)
  assert.equal((await exchange(world, clientId, code, request.verifier, { redirect_uri: other })).status, 200)
})

test('a request without scopes asks for all of ours', async () => {
  for (const scope of [undefined, 'offline_access', 'openid']) {
    const { code, request } = await authorize(world, clientId, { changes: { scope } })
    const tokens = (await (await exchange(world, clientId, code, request.verifier)).json()) as { access_token: string }
    assert.equal(decodeJwt(tokens.access_token).scope, 'read execute', String(scope))
  }
})

test('resource may be left out, or end in a slash, at either endpoint', async () => {
  const slash = `${world.resource}/`
  for (const [first, second] of [
    [undefined, undefined],
    [undefined, world.resource],
    [world.resource, undefined],
    [slash, world.resource],
    [world.resource, slash],
    [slash, slash],
  ]) {
    const { code, request } = await authorize(world, clientId, { changes: { resource: first } })
    const answer = await exchange(world, clientId, code, request.verifier, second ? { resource: second } : {})
    assert.equal(answer.status, 200, `${first} ${second}`)
    assert.equal(decodeJwt(((await answer.json()) as { access_token: string }).access_token).aud, world.resource)
  }
})

test('another resource at the token endpoint is refused', async () => {
  const { code, request } = await authorize(world, clientId)
  const answer = await exchange(world, clientId, code, request.verifier, { resource: 'https://other.example/mcp' })
  assert.equal(await errorOf(answer), 'invalid_target')
})

describe('a code', () => {
  test('needs its verifier', async () => {
    const { code } = await authorize(world, clientId)
    assert.equal(await errorOf(await exchange(world, clientId, code, 'w'.repeat(43))), 'invalid_grant')
    const { code: other } = await authorize(world, clientId)
    const form = { grant_type: 'authorization_code', client_id: clientId, code: other, redirect_uri: REDIRECT }
    assert.match(await errorOf(await post(world, '/oauth/token', form)), /^invalid_(grant|request)$/)
  })

  test('is of its client', async () => {
    const stranger = await registered(world)
    const { code, request } = await authorize(world, clientId)
    assert.equal(await errorOf(await exchange(world, stranger.client_id, code, request.verifier)), 'invalid_grant')
  })

  test('is of its redirect', async () => {
    const { code, request } = await authorize(world, clientId)
    const changes = { redirect_uri: 'http://127.0.0.1:50000/callback' }
    assert.equal(await errorOf(await exchange(world, clientId, code, request.verifier, changes)), 'invalid_grant')
  })

  test('is of its minute', async () => {
    const { code, request } = await authorize(world, clientId)
    world.clock.advance(61_000)
    assert.equal(await errorOf(await exchange(world, clientId, code, request.verifier)), 'invalid_grant')
  })

  test('used twice takes its grant along', async () => {
    const { tokens, code, request, clientId: id } = await connected(world)
    assert.ok('userId' in (await world.oauth.verifyBearer(tokens.access_token)))
    assert.equal(await errorOf(await exchange(world, id, code, request.verifier)), 'invalid_grant')
    const refused = await world.oauth.verifyBearer(tokens.access_token)
    assert.equal('refused' in refused && refused.why, 'the grant was revoked')
  })

  test('used many times at once makes at most one token, which is worth nothing', async () => {
    const { code, request } = await authorize(world, clientId)
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => exchange(world, clientId, code, request.verifier)),
    )
    const good = answers.filter(({ status }) => status === 200)
    assert.ok(good.length <= 1)
    for (const answer of good) {
      const { access_token } = (await answer.json()) as { access_token: string }
      assert.ok('refused' in (await world.oauth.verifyBearer(access_token)))
    }
  })

  test('and refresh tokens are not in the database as they are', async () => {
    const { tokens, code } = await connected(world)
    const rows = JSON.stringify(await world.db.kysely.selectFrom('oauth_records').selectAll().execute())
    assert.ok(!rows.includes(code))
    assert.ok(!rows.includes(tokens.refresh_token))
  })
})

test('the request is kept in the browser that made it', async () => {
  const mine = createBrowser(world.publicUrl)
  const page = await toConsent(mine, authorizationRequest(world, clientId))
  assert.equal(page.status, 200)
  const other = createBrowser(world.publicUrl)
  const elsewhere = await other.get(page.url)
  assert.equal(elsewhere.status, 410)
})
