// Groups 3, 4, 18, 19 and 22: tokens from issue to end.
import assert from 'node:assert/strict'
import { createSecretKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { type CryptoKey, decodeJwt, type JWTPayload, type KeyObject, SignJWT } from 'jose'
import { readSigningKey } from '../../../central/oauth/signing-key.ts'
import { createSecondOwner } from '../identity/people.ts'
import { connected, post, refresh, registered, type Tokens } from './client.ts'
import { createWorld, type World } from './world.ts'

let world: World
before(async () => {
  world = await createWorld()
})
after(() => world.close())

const MINUTE = 60_000
const errorOf = async (answer: Response): Promise<string> => ((await answer.json()) as { error: string }).error
const whyOf = async (token: string, of = world): Promise<string | undefined> => {
  const result = await of.oauth.verifyBearer(token)
  return 'refused' in result ? result.why : undefined
}

describe('a bearer token is refused', () => {
  let claims: JWTPayload
  let good: string
  before(async () => {
    good = (await connected(world)).tokens.access_token
    claims = decodeJwt(good)
  })

  type Forging = {
    change?: JWTPayload
    key?: KeyObject | CryptoKey
    alg?: string
    typ?: string | undefined
    kid?: string
  }
  const forge = ({ change = {}, ...rest }: Forging = {}) => {
    const own = readSigningKey(world.signingKey)
    const payload = Object.fromEntries(
      Object.entries({ ...claims, ...change }).filter(([, value]) => value !== undefined),
    )
    const typ = 'typ' in rest ? rest.typ : 'at+jwt'
    const header = { alg: rest.alg ?? 'ES256', kid: rest.kid ?? own.kid, ...(typ === undefined ? {} : { typ }) }
    return new SignJWT(payload).setProtectedHeader(header).sign(rest.key ?? ({ ...own.jwk } as unknown as CryptoKey))
  }

  test('except a good one', async () => {
    assert.equal(await whyOf(good), undefined)
    assert.equal(await whyOf(await forge({ change: { jti: 'another' } })), undefined, 'the forge itself works')
  })

  const SHAPES = [
    '',
    'foo',
    'a.b.c',
    '.',
    '..',
    'mtt_short',
    `mtt_${'x'.repeat(43)}`,
    'x'.repeat(9_000),
    '\u0000',
    'null',
  ]
  for (const token of SHAPES) test(`${JSON.stringify(token.slice(0, 20))}`, async () => assert.ok(await whyOf(token)))

  const WRONG: [string, Forging][] = [
    ['for another resource', { change: { aud: 'https://other.example/mcp' } }],
    ['for the issuer itself', { change: { aud: 'ISSUER' } }],
    ['for our resource with a slash', { change: { aud: 'RESOURCE/' } }],
    ['without an audience', { change: { aud: undefined } }],
    ['of another issuer', { change: { iss: 'https://other.example' } }],
    ['of an issuer with a slash', { change: { iss: 'ISSUER/' } }],
    ['without an end', { change: { exp: undefined } }],
    ['that has ended', { change: { exp: 1 } }],
    ['that has not begun', { change: { nbf: 4_000_000_000 } }],
    ['without a grant', { change: { gid: undefined } }],
    ['of a grant that is none', { change: { gid: 'nothing' } }],
    ["with another person's name", { change: { sub: 'usr_other' } }],
    ["with another client's name", { change: { client_id: 'other' } }],
    ['that is an ordinary JWT', { typ: 'JWT' }],
    ['without a type', { typ: undefined }],
    ['that is an ID token', { typ: 'JWT', change: { aud: 'CLIENT', gid: undefined } }],
    ['that is a proof', { typ: 'dpop+jwt' }],
  ]
  for (const [what, forging] of WRONG) {
    test(what, async () => {
      const { change = {} } = forging
      const said =
        typeof change.aud === 'string'
          ? {
              aud: change.aud
                .replace('RESOURCE', world.resource)
                .replace('ISSUER', world.publicUrl)
                .replace('CLIENT', String(claims.client_id)),
            }
          : {}
      const issuer = typeof change.iss === 'string' ? { iss: change.iss.replace('ISSUER', world.publicUrl) } : {}
      assert.ok(await whyOf(await forge({ ...forging, change: { ...change, ...said, ...issuer } })))
    })
  }

  test('signed by a stranger, under our key’s name or none', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    assert.ok(await whyOf(await forge({ key: privateKey })))
    assert.ok(await whyOf(await forge({ key: privateKey, kid: '' })))
  })

  test('signed with our public key as a shared secret', async () => {
    const { publicKey } = readSigningKey(world.signingKey)
    for (const secret of [
      publicKey.export({ type: 'spki', format: 'pem' }),
      publicKey.export({ type: 'spki', format: 'der' }),
    ]) {
      const key = createSecretKey(Buffer.from(secret))
      assert.ok(await whyOf(await forge({ key, alg: 'HS256' })))
    }
  })

  test('unsigned', async () => {
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    for (const alg of ['none', 'None', 'NONE', '']) {
      assert.ok(await whyOf(`${encode({ alg, typ: 'at+jwt' })}.${encode(claims)}.`))
    }
  })

  test('with one character changed', async () => {
    const [header = '', payload = '', signature = ''] = good.split('.')
    const changed = Buffer.from(JSON.stringify({ ...claims, scope: 'read execute admin' })).toString('base64url')
    assert.ok(await whyOf(`${header}.${changed}.${signature}`))
    assert.ok(await whyOf(`${header}.${payload}.${signature.slice(0, -4)}AAAA`))
  })

  test('with a key of its own in the header', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const token = await new SignJWT(claims)
      .setProtectedHeader({
        alg: 'ES256',
        typ: 'at+jwt',
        jwk: publicKey.export({ format: 'jwk' }) as Record<string, string>,
      })
      .sign(privateKey)
    assert.ok(await whyOf(token))
  })

  test('that is a refresh token or a code', async () => {
    const { tokens, code } = await connected(world)
    assert.ok(await whyOf(tokens.refresh_token))
    assert.ok(await whyOf(code))
  })

  test('after fifteen minutes', async (t) => {
    const own = await createWorld({ t })
    const { tokens } = await connected(own)
    own.clock.advance(14 * MINUTE)
    assert.equal(await whyOf(tokens.access_token, own), undefined)
    own.clock.advance(MINUTE + 1_000)
    assert.equal(await whyOf(tokens.access_token, own), 'expired')
  })
})

describe('a refresh token', () => {
  const tokensOf = async (answer: Response) => (await answer.json()) as Tokens & { refresh_token: string }

  test('is used once; the new one works, for the same grant', async () => {
    const { clientId, tokens } = await connected(world)
    const answer = await refresh(world, clientId, tokens.refresh_token)
    assert.equal(answer.status, 200)
    const fresh = await tokensOf(answer)
    assert.notEqual(fresh.refresh_token, tokens.refresh_token)
    assert.equal(decodeJwt(fresh.access_token).gid, decodeJwt(tokens.access_token).gid)
    assert.deepEqual(decodeJwt(fresh.access_token).amr, ['pwd'])
    assert.equal(await whyOf(fresh.access_token), undefined)
  })

  test('sent by several sessions at once serves them all', async () => {
    const { clientId, tokens } = await connected(world)
    const answers = await Promise.all([1, 2, 3, 4].map(() => refresh(world, clientId, tokens.refresh_token)))
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200, 200],
    )
    for (const answer of answers) {
      const fresh = await tokensOf(answer)
      assert.equal(await whyOf(fresh.access_token), undefined)
      assert.equal((await refresh(world, clientId, fresh.refresh_token)).status, 200)
    }
  })

  test('used again after the grace takes the whole family along', async () => {
    const { clientId, tokens } = await connected(world)
    const fresh = await tokensOf(await refresh(world, clientId, tokens.refresh_token))
    world.clock.advance(15_000)
    assert.equal((await refresh(world, clientId, tokens.refresh_token)).status, 200, 'within the grace')
    world.clock.advance(6_000)
    assert.equal(await errorOf(await refresh(world, clientId, tokens.refresh_token)), 'invalid_grant')
    assert.equal(await errorOf(await refresh(world, clientId, fresh.refresh_token)), 'invalid_grant')
    assert.equal(await whyOf(fresh.access_token), 'the grant was revoked')
    assert.match(world.logged.join(''), /used again within its grace/)
  })

  test('is of its client', async () => {
    const { clientId, tokens } = await connected(world)
    const stranger = await registered(world)
    assert.equal(await errorOf(await refresh(world, stranger.client_id, tokens.refresh_token)), 'invalid_grant')
    assert.equal((await refresh(world, clientId, tokens.refresh_token)).status, 200)
  })

  test('cannot widen what it may', async () => {
    const { clientId, tokens } = await connected(world, { scopes: ['read'] })
    const wider = await refresh(world, clientId, tokens.refresh_token, { scope: 'read execute' })
    assert.equal(await errorOf(wider), 'invalid_scope')
    const same = await tokensOf(await refresh(world, clientId, tokens.refresh_token))
    assert.equal(same.scope, 'read')
  })

  test('cannot change the resource', async () => {
    const { clientId, tokens } = await connected(world)
    const answer = await refresh(world, clientId, tokens.refresh_token, { resource: 'https://other.example/mcp' })
    assert.equal(await errorOf(answer), 'invalid_target')
  })

  test('lives for thirty days from its last use', async (t) => {
    const own = await createWorld({ t })
    const { clientId, tokens } = await connected(own)
    own.clock.advance(29 * 24 * 60 * MINUTE)
    const answer = await refresh(own, clientId, tokens.refresh_token)
    assert.equal(answer.status, 200)
    const late = await createWorld({ t })
    const other = await connected(late)
    late.clock.advance(31 * 24 * 60 * MINUTE)
    assert.equal(await errorOf(await refresh(late, other.clientId, other.tokens.refresh_token)), 'invalid_grant')
  })

  test('is of no use to a disabled person', async (t) => {
    const own = await createWorld({ t })
    const { clientId, tokens } = await connected(own)
    assert.equal(await whyOf(tokens.access_token, own), undefined)
    await createSecondOwner(own)
    await own.identity.accounts.setDisabled(own.owner.id, true)
    await new Promise(setImmediate)
    assert.equal(await whyOf(tokens.access_token, own), 'the account is disabled')
    assert.equal(await errorOf(await refresh(own, clientId, tokens.refresh_token)), 'invalid_grant')
  })
})

describe('a grant', () => {
  const gid = (tokens: Tokens) => String(decodeJwt(tokens.access_token).gid)

  test('is listed, and ends everything under it at once when it is revoked', async () => {
    const { clientId, tokens } = await connected(world)
    const other = await connected(world)
    assert.equal(await whyOf(tokens.access_token), undefined)
    const mine = (await world.oauth.grants.list(world.owner.id)).find(({ id }) => id === gid(tokens))
    assert.deepEqual([mine?.clientId, mine?.clientName, mine?.scopes], [clientId, 'Test client', ['read', 'execute']])
    assert.ok(mine?.lastUsedAt)
    assert.equal(await world.oauth.grants.revoke('usr_somebody', gid(tokens)), false)
    assert.equal(await world.oauth.grants.revoke(world.owner.id, gid(tokens)), true)
    await new Promise(setImmediate)
    assert.equal(await whyOf(tokens.access_token), 'the grant was revoked')
    assert.equal(await errorOf(await refresh(world, clientId, tokens.refresh_token)), 'invalid_grant')
    assert.equal(await whyOf(other.tokens.access_token), undefined, 'another grant stands')
    assert.ok(!(await world.oauth.grants.list(world.owner.id)).some(({ id }) => id === gid(tokens)))
  })

  test('revoked on another replica is refused within five seconds, even if the bus says nothing', async () => {
    const { tokens } = await connected(world)
    assert.equal(await whyOf(tokens.access_token), undefined)
    await world.db.kysely.updateTable('oauth_grants').set({ revoked_at: 1 }).where('id', '=', gid(tokens)).execute()
    assert.equal(await whyOf(tokens.access_token), undefined, 'remembered for a moment')
    world.clock.advance(5_000)
    assert.equal(await whyOf(tokens.access_token), 'the grant was revoked')
  })

  test('all of a person’s end together', async (t) => {
    const own = await createWorld({ t })
    const [one, two] = [await connected(own), await connected(own)]
    await own.oauth.grants.revokeAll(own.owner.id)
    await new Promise(setImmediate)
    for (const { tokens } of [one, two]) assert.equal(await whyOf(tokens.access_token, own), 'the grant was revoked')
  })

  test('ends when the client gives its refresh token back', async () => {
    const { clientId, tokens } = await connected(world)
    const answer = await post(world, '/oauth/revoke', { client_id: clientId, token: tokens.refresh_token })
    assert.equal(answer.status, 200)
    await new Promise(setImmediate)
    assert.equal(await whyOf(tokens.access_token), 'the grant was revoked')
  })

  test('is not ended by another client, and a token that is none is no secret', async () => {
    const { tokens } = await connected(world)
    const stranger = await registered(world)
    for (const token of [tokens.refresh_token, 'nothing']) {
      assert.equal((await post(world, '/oauth/revoke', { client_id: stranger.client_id, token })).status, 200)
    }
    assert.equal(await whyOf(tokens.access_token), undefined)
  })

  test('a role that changed counts from now on', async (t) => {
    const own = await createWorld({ t })
    const { tokens } = await connected(own)
    await own.db.kysely.updateTable('members').set({ role: 'viewer' }).execute()
    own.clock.advance(5_000)
    const principal = await own.oauth.verifyBearer(tokens.access_token)
    assert.equal('role' in principal && principal.role, 'viewer')
    await own.db.kysely.deleteFrom('members').execute()
    own.clock.advance(5_000)
    assert.equal(await whyOf(tokens.access_token, own), 'no such grant')
  })
})

describe('an API key', () => {
  const create = (days?: number) =>
    world.identity.apiKeys.create({
      userId: world.owner.id,
      workspaceId: world.owner.workspaceId,
      name: 'ci',
      scopes: ['read'],
      days,
    })

  test('is a bearer token that says what it is', async () => {
    const { key, view } = await create()
    assert.match(key, /^mtt_[A-Za-z0-9_-]{43}$/)
    assert.deepEqual(await world.oauth.verifyBearer(key), {
      credential: 'api_key',
      userId: world.owner.id,
      email: 'owner@example.com',
      workspaceId: world.owner.workspaceId,
      role: 'owner',
      scopes: ['read'],
      clientId: view.id,
      clientName: 'ci',
      grantId: view.id,
      source: 'mcp',
    })
    assert.equal(view.expiresAt - view.createdAt, 90 * 24 * 60 * MINUTE)
    const rows = JSON.stringify(await world.db.kysely.selectFrom('api_keys').selectAll().execute())
    assert.ok(!rows.includes(key))
  })

  test('ends when it is revoked, by its owner alone, at once', async () => {
    const { key, view } = await create()
    assert.equal(await whyOf(key), undefined)
    assert.equal(await world.identity.apiKeys.revoke('usr_somebody', view.id), false)
    assert.equal(await whyOf(key), undefined)
    assert.equal(await world.identity.apiKeys.revoke(world.owner.id, view.id), true)
    await new Promise(setImmediate)
    assert.ok(await whyOf(key))
  })

  test('ends by time', async () => {
    const { key } = await create(1)
    assert.equal(await whyOf(key), undefined)
    world.clock.advance(24 * 60 * MINUTE)
    assert.ok(await whyOf(key))
    const [view] = await world.identity.apiKeys.list(world.owner.id)
    assert.ok(view)
  })

  test('guessed or altered is none', async () => {
    const { key } = await create()
    assert.ok(await whyOf(`${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`))
    assert.ok(await whyOf(`mtt_${randomBytes(32).toString('base64url')}`))
    assert.ok(await whyOf(key.slice(4)))
  })
})

test('neither tokens nor codes are logged', async () => {
  const { tokens, code, request } = await connected(world)
  const text = world.logged.join('')
  for (const secret of [tokens.access_token, tokens.refresh_token, code, request.verifier])
    assert.ok(!text.includes(secret))
})
