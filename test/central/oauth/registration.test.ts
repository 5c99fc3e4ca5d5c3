// Groups 13 and 17: what clients register, and what they may not.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { authorize, connected, exchange, post, refresh, register, registered } from './client.ts'
import { createWorld, type World } from './world.ts'

let world: World
before(async () => {
  world = await createWorld()
})
after(() => world.close())
// What one address may register in an hour is counted over the tests, too.
beforeEach(() => world.clock.advance(HOUR))

const HOUR = 3_600_000

/** Bodies as the clients send them. */
const CLIENTS: Record<string, { body: Record<string, unknown>; redirect: string }> = {
  'Claude Code': {
    body: {
      client_name: 'Claude Code (central)',
      redirect_uris: ['http://localhost:53211/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      application_type: 'native',
      scope: 'read execute',
    },
    redirect: 'http://localhost:60001/callback',
  },
  Cursor: {
    body: {
      client_name: 'Cursor',
      application_type: 'web',
      redirect_uris: [
        'cursor://anysphere.cursor-mcp/oauth/callback',
        'https://www.cursor.com/agents/mcp/oauth/callback',
        'http://localhost:8787/callback',
      ],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    },
    redirect: 'cursor://anysphere.cursor-mcp/oauth/callback',
  },
  'VS Code': {
    body: {
      client_name: 'Visual Studio Code',
      client_uri: 'https://code.visualstudio.com',
      application_type: 'native',
      redirect_uris: [
        'https://insiders.vscode.dev/redirect',
        'https://vscode.dev/redirect',
        'http://127.0.0.1/',
        'http://127.0.0.1:33418/',
      ],
      grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      scope: 'read execute unheard-of',
    },
    redirect: 'http://127.0.0.1:49999/',
  },
  mcporter: {
    body: {
      client_name: 'mcporter (central)',
      redirect_uris: ['http://127.0.0.1:41234/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    },
    redirect: 'http://127.0.0.1:41234/callback',
  },
  'mcp-remote': {
    body: {
      client_name: 'MCP CLI Client',
      client_uri: 'https://github.com/modelcontextprotocol/mcp-cli',
      software_id: '2e6dc280-f3c3-4e01-99a7-8181dbd1d23d',
      software_version: '1.0.0',
      redirect_uris: ['http://localhost:3334/oauth/callback'],
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
    },
    redirect: 'http://localhost:3334/oauth/callback',
  },
  'Claude on the web': {
    body: {
      client_name: 'Claude',
      redirect_uris: ['https://claude.ai/api/mcp/auth_callback', 'https://claude.com/api/mcp/auth_callback'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_post',
      scope: 'read execute offline_access',
    },
    redirect: 'https://claude.ai/api/mcp/auth_callback',
  },
}

for (const [name, { body, redirect }] of Object.entries(CLIENTS)) {
  test(`${name} registers, signs in and refreshes`, async () => {
    const client = await registered(world, body)
    assert.equal(client.token_endpoint_auth_method, 'none')
    assert.equal(client.application_type, 'native')
    assert.equal(client.client_secret, undefined)
    assert.deepEqual(client.grant_types, ['authorization_code', 'refresh_token'])
    const { back, code, request } = await authorize(world, client.client_id, { changes: { redirect_uri: redirect } })
    assert.equal(back.href.split('?')[0], redirect)
    const answer = await exchange(world, client.client_id, code, request.verifier, { redirect_uri: redirect })
    assert.equal(answer.status, 200)
    const tokens = (await answer.json()) as { refresh_token: string }
    assert.equal((await refresh(world, client.client_id, tokens.refresh_token)).status, 200)
  })
}

describe('redirects that are refused', () => {
  const REFUSED = [
    'http://evil.example/callback',
    'http://localhost.evil.example/callback',
    'http://127.0.0.1.evil.example/callback',
    'http://user@localhost/callback',
    'http://localhost:80@evil.example/callback',
    'https://user:password@client.example/callback',
    'https://client.example/callback#part',
    'https://client.example/callback#',
    'javascript:alert(1)',
    'JAVASCRIPT:alert(1)//',
    'data:text/html,hi',
    'vbscript:x',
    'file:///etc/passwd',
    'blob:https://client.example/x',
    'https://localhost/callback',
    'not a uri',
    '/relative',
    '',
  ]
  for (const uri of REFUSED) {
    test(JSON.stringify(uri), async () => {
      for (const application_type of [undefined, 'web', 'native']) {
        const answer = await register(world, { redirect_uris: [uri], application_type })
        assert.equal(answer.status, 400)
        assert.equal(((await answer.json()) as { error: string }).error, 'invalid_redirect_uri')
      }
    })
  }
})

const JUNK: [string, unknown][] = [
  ['no JSON', '{'],
  ['an array', []],
  ['null', 'null'],
  ['no redirects', { client_name: 'x' }],
  ['redirects that are no list', { redirect_uris: 'https://client.example' }],
  ['too many redirects', { redirect_uris: Array.from({ length: 21 }, (_, at) => `https://client.example/${at}`) }],
  [
    'an address as homepage that is none',
    { redirect_uris: ['https://client.example/cb'], client_uri: 'javascript:alert(1)' },
  ],
]
for (const [what, body] of JUNK) {
  test(`refused: ${what}`, async () => {
    const answer = await register(world, body)
    assert.equal(answer.status, 400)
    assert.match(((await answer.json()) as { error: string }).error, /^invalid_(client_metadata|redirect_uri)$/)
  })
}

test('a body of any size is not read', async () => {
  const answer = await register(world, {
    client_name: 'x'.repeat(64 * 1024),
    redirect_uris: ['https://client.example'],
  })
  assert.equal(answer.status, 413)
})

test('nothing that would make Central fetch, or authenticate otherwise, is kept', async () => {
  const client = await registered(world, {
    jwks_uri: 'https://client.example/jwks',
    sector_identifier_uri: 'https://client.example/sector',
    token_endpoint_auth_method: 'private_key_jwt',
    client_secret: 'mine',
    subject_type: 'pairwise',
    require_auth_time: true,
    grant_types: ['client_credentials', 'password', 'implicit'],
    response_types: ['token', 'id_token'],
  })
  for (const name of ['jwks_uri', 'sector_identifier_uri', 'client_secret']) assert.equal(client[name], undefined, name)
  assert.equal(client.token_endpoint_auth_method, 'none')
  assert.deepEqual(client.grant_types, ['authorization_code'])
  assert.deepEqual(client.response_types, ['code'])
})

test('a client that did not ask for refresh tokens gets none', async () => {
  const { client_id } = await registered(world, { grant_types: ['authorization_code'] })
  const { code, request } = await authorize(world, client_id)
  const tokens = (await (await exchange(world, client_id, code, request.verifier)).json()) as Record<string, unknown>
  assert.ok(tokens.access_token)
  assert.equal(tokens.refresh_token, undefined)
})

test('a registered client cannot be read or changed by anybody', async () => {
  const { client_id } = await registered(world)
  for (const method of ['GET', 'PUT', 'DELETE']) {
    assert.equal((await fetch(`${world.publicUrl}/oauth/register/${client_id}`, { method })).status, 404, method)
  }
})

test('an unknown client is told so with 401 at the token endpoint, which makes clients register anew', async () => {
  const answer = await post(world, '/oauth/token', {
    grant_type: 'refresh_token',
    client_id: 'gone',
    refresh_token: 'x',
  })
  assert.equal(answer.status, 401)
  assert.equal(((await answer.json()) as { error: string }).error, 'invalid_client')
})

test('a client that nobody used is gone after a day; one that is used stays', async (t) => {
  const own = await createWorld({ t })
  const unused = await registered(own)
  const used = await connected(own)
  own.clock.advance(25 * HOUR)
  await own.oauth.prune()
  const answer = await refresh(own, unused.client_id, 'x')
  assert.equal(answer.status, 401)
  assert.equal((await refresh(own, used.clientId, used.tokens.refresh_token)).status, 200)
  const rows = await own.db.kysely.selectFrom('oauth_records').select('id').where('model', '=', 'Client').execute()
  assert.deepEqual(
    rows.map(({ id }) => id),
    [used.clientId],
  )
})

test('one address registers sixty times an hour', async (t) => {
  const own = await createWorld({ t })
  const answers: number[] = []
  for (let at = 0; at < 61; at++)
    answers.push((await register(own, { redirect_uris: ['https://client.example'] })).status)
  assert.deepEqual([answers[0], answers[59], answers[60]], [201, 201, 429])
  own.clock.advance(HOUR)
  assert.equal((await register(own, { redirect_uris: ['https://client.example'] })).status, 201)
})
