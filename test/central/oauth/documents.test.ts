// Group 16: clients that describe themselves at a URL, and what that URL must never make Central do.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { createClientDocuments, isSpecialUse } from '../../../central/oauth/client-documents.ts'
import { createTestClock } from '../identity/people.ts'
import { createBrowser } from './browser.ts'
import { authorizationRequest, authorize, exchange, refresh, type Tokens, toConsent } from './client.ts'
import { createWorld, type World } from './world.ts'

const CLAUDE_CODE = 'https://claude.ai/oauth/claude-code-client-metadata'
const CODEX = 'https://chatgpt.com/oauth/codex/client.json'
const VS_CODE = 'https://vscode.dev/oauth/client-metadata.json'

const DOCUMENTS: Record<string, { document: Record<string, unknown>; redirect: string; name: string }> = {
  [CLAUDE_CODE]: {
    name: 'Claude Code',
    document: {
      client_id: CLAUDE_CODE,
      client_name: 'Claude Code',
      client_uri: 'https://claude.ai',
      redirect_uris: ['http://localhost/callback', 'http://127.0.0.1/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    },
    redirect: 'http://localhost:58231/callback',
  },
  [CODEX]: {
    name: 'Codex',
    document: {
      client_id: CODEX,
      client_name: 'Codex',
      redirect_uris: ['http://127.0.0.1/callback', 'http://localhost/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      application_type: 'native',
    },
    redirect: 'http://127.0.0.1:41999/callback',
  },
  [VS_CODE]: {
    name: 'Visual Studio Code',
    document: {
      client_id: VS_CODE,
      client_name: 'Visual Studio Code',
      application_type: 'web',
      redirect_uris: ['http://127.0.0.1:33418/', 'https://vscode.dev/redirect'],
      grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      scope: 'read execute other',
    },
    redirect: 'http://127.0.0.1:33418/',
  },
}

const HOSTILE = 'https://client.example/metadata.json'

let world: World
let fetched: string[] = []
/** What HOSTILE answers in the test at hand. */
let answer: () => Response | Promise<Response> = () => new Response('no', { status: 404 })
let addresses: string[] = ['93.184.215.14']

const serve = async (url: string | URL | Request): Promise<Response> => {
  fetched.push(String(url))
  const known = DOCUMENTS[String(url)]
  return known ? Response.json(known.document, { headers: { 'cache-control': 'max-age=600' } }) : answer()
}

before(async () => {
  const clientDocuments = { enabled: true, fetch: serve as typeof fetch, resolve: async () => addresses }
  world = await createWorld({ clientDocuments })
})
after(() => world.close())

for (const [clientId, { name, redirect }] of Object.entries(DOCUMENTS)) {
  test(`${name} connects by its document, with the scopes it really asks for, and refreshes`, async () => {
    const browser = createBrowser(world.publicUrl)
    const changes = { redirect_uri: redirect }
    const page = await toConsent(browser, authorizationRequest(world, clientId, changes))
    assert.equal(page.status, 200)
    for (const shown of [name, new URL(clientId).host, new URL(redirect).host])
      assert.ok(page.text.includes(shown), shown)
    const { back, code, request } = await authorize(world, clientId, { changes, browser })
    assert.equal(back.href.split('?')[0], redirect)
    const given = await exchange(world, clientId, code, request.verifier, { redirect_uri: redirect })
    assert.equal(given.status, 200)
    const tokens = (await given.json()) as Tokens & { refresh_token: string }
    const again = await refresh(world, clientId, tokens.refresh_token, { resource: world.resource })
    assert.equal(again.status, 200)
    const principal = await world.oauth.verifyBearer(((await again.json()) as Tokens).access_token)
    assert.ok('clientId' in principal)
    assert.deepEqual([principal.clientId, principal.clientName], [clientId, name])
  })
}

test('a document is fetched once while its age allows', () => {
  assert.equal(fetched.filter((url) => url === CLAUDE_CODE).length, 1)
})

const ask = async (clientId: string, redirect = 'https://client.example/callback') => {
  fetched = []
  const request = authorizationRequest(world, clientId, { redirect_uri: redirect })
  const response = await fetch(request.url, { redirect: 'manual', headers: { accept: 'text/html' } })
  return { status: response.status, location: response.headers.get('location'), text: await response.text() }
}

describe('never asked for', () => {
  // What one address may cause in an hour is counted over the tests, too.
  beforeEach(() => world.clock.advance(3_600_000))

  const URLS = [
    'http://client.example/metadata.json',
    'https://client.example',
    'https://client.example/',
    'https://client.example/metadata.json#part',
    'https://user@client.example/metadata.json',
    'https://user:password@client.example/metadata.json',
    'https://client.example/../metadata.json',
    'https://client.example/a/%2e%2e/metadata.json',
    'https://client.example:8443/metadata.json',
    'https://localhost/metadata.json',
    'https://printer/metadata.json',
    'https://printer.local/metadata.json',
    'https://db.internal/metadata.json',
    'https://127.0.0.1/metadata.json',
    'https://2130706433/metadata.json',
    'https://0x7f.1/metadata.json',
    'https://10.0.0.1/metadata.json',
    'https://169.254.169.254/latest/meta-data',
    'https://[::1]/metadata.json',
    'https://[::ffff:10.0.0.1]/metadata.json',
    'https://93.184.215.14/metadata.json',
    'ftp://client.example/metadata.json',
    'https://client.example\\@evil.example/metadata.json',
  ]
  for (const url of URLS) {
    test(url, async () => {
      const { status, location } = await ask(url)
      assert.equal(location, null)
      assert.ok(status >= 400 && status < 500)
      assert.deepEqual(fetched, [])
    })
  }

  for (const address of [
    '127.0.0.1',
    '10.1.2.3',
    '169.254.169.254',
    '192.168.1.1',
    '100.64.0.1',
    '::1',
    'fd00::1',
    'fe80::1',
    '::ffff:10.0.0.1',
    '64:ff9b::a00:1',
  ]) {
    test(`a public name that resolves to ${address}`, async () => {
      addresses = ['93.184.215.14', address]
      const { status, location } = await ask(`https://rebind.example/${encodeURIComponent(address)}`)
      addresses = ['93.184.215.14']
      assert.equal(location, null)
      assert.ok(status >= 400 && status < 500)
      assert.deepEqual(fetched, [])
    })
  }
})

test('special addresses are known, public ones are let through', () => {
  for (const address of [
    '0.0.0.0',
    '127.255.0.1',
    '172.31.0.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    'ff02::1',
    '2001:db8::1',
    '2002::1',
  ]) {
    assert.equal(isSpecialUse(address), true, address)
  }
  for (const address of ['93.184.215.14', '172.32.0.1', '2606:4700::1111', '8.8.8.8'])
    assert.equal(isSpecialUse(address), false, address)
})

const documentAt = (client_id: string) => ({
  client_id,
  client_name: 'Client',
  redirect_uris: ['https://client.example/callback'],
  token_endpoint_auth_method: 'none',
})

describe('asked for, and refused', () => {
  // What one address may cause in an hour is counted over the tests, too.
  beforeEach(() => world.clock.advance(3_600_000))

  const ANSWERS: [string, (good: ReturnType<typeof documentAt>) => Response | Promise<Response>][] = [
    ['not there', () => new Response('no', { status: 404 })],
    ['a redirect', () => new Response(null, { status: 302, headers: { location: 'http://169.254.169.254/' } })],
    ['a page', () => new Response('<!doctype html><p>hi', { headers: { 'content-type': 'text/html' } })],
    ['a list', (good) => Response.json([good])],
    ['null', () => Response.json(null)],
    ['another client id', (good) => Response.json({ ...good, client_id: 'https://client.example/other.json' })],
    ['no client id', (good) => Response.json({ ...good, client_id: undefined })],
    ['a shared secret', (good) => Response.json({ ...good, token_endpoint_auth_method: 'client_secret_basic' })],
    ['a secret inside', (good) => Response.json({ ...good, client_secret: 'x' })],
    [
      'another way to authenticate',
      (good) =>
        Response.json({
          ...good,
          token_endpoint_auth_method: 'private_key_jwt',
          jwks_uri: 'https://client.example/jwks',
        }),
    ],
    [
      'the redirect is not in it',
      (good) => Response.json({ ...good, redirect_uris: ['https://client.example/other'] }),
    ],
    ['no redirects', (good) => Response.json({ ...good, redirect_uris: [] })],
    [
      'a redirect over plain http',
      (good) => Response.json({ ...good, redirect_uris: ['http://client.example/callback'] }),
    ],
    ['too long', (good) => Response.json({ ...good, client_name: 'x'.repeat(6_000) })],
    [
      'never ends',
      () => new Response(new ReadableStream({ pull: (stream) => stream.enqueue(new Uint8Array(1024).fill(32)) })),
    ],
    ['no answer', () => Promise.reject(new Error('connection reset'))],
  ]
  for (const [at, [what, answers]] of ANSWERS.entries()) {
    test(what, async () => {
      const clientId = `https://client.example/${at}.json`
      answer = () => answers(documentAt(clientId))
      const { status, location, text } = await ask(clientId)
      assert.equal(location, null)
      assert.ok(status >= 400 && status < 500, String(status))
      assert.match(text, /could not be connected/)
      assert.equal(fetched.length, 1)
    })
  }
})

test('the request goes out without a redirect, with a deadline', async (t) => {
  let seen: RequestInit | undefined
  const documents = {
    enabled: true,
    resolve: async () => ['93.184.215.14'],
    fetch: (async (_url, init) => {
      seen = init
      return Response.json(documentAt(HOSTILE))
    }) as typeof fetch,
  }
  const own = await createWorld({ t, clientDocuments: documents })
  await fetch(authorizationRequest(own, HOSTILE, { redirect_uri: documentAt(HOSTILE).redirect_uris[0] }).url, {
    redirect: 'manual',
  })
  assert.equal(seen?.redirect, 'manual')
  assert.ok(seen?.signal instanceof AbortSignal)
})

test('an administrator may trust some documents only', async (t) => {
  const documents = {
    enabled: true,
    fetch: serve as typeof fetch,
    resolve: async () => addresses,
    trust: (id: string) => id === CODEX,
  }
  const own = await createWorld({ t, clientDocuments: documents })
  const status = async (id: string, redirect = '') =>
    (await fetch(authorizationRequest(own, id, { redirect_uri: redirect }).url, { redirect: 'manual' })).status
  assert.equal(await status(CODEX, DOCUMENTS[CODEX]?.redirect), 303)
  assert.ok((await status(CLAUDE_CODE, DOCUMENTS[CLAUDE_CODE]?.redirect)) >= 400)
})

test('one address causes sixty fetches an hour', () => {
  const clock = createTestClock()
  const documents = createClientDocuments({ enabled: true, clock })
  const allowed = Array.from({ length: 61 }, (_, at) =>
    documents.allowFetch(`https://client.example/${at}`, '192.0.2.1'),
  )
  assert.equal(allowed.filter(Boolean).length, 60)
  assert.equal(documents.allowFetch('https://client.example/x', '192.0.2.2'), true)
  clock.advance(3_600_001)
  assert.equal(documents.allowFetch('https://client.example/x', '192.0.2.1'), true)
})
