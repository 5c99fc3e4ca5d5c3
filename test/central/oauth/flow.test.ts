import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { authorize, exchange, registered, type Tokens } from './client.ts'
import { createWorld, type World } from './world.ts'

let world: World
before(async () => {
  world = await createWorld()
})
after(() => world.close())

test('a registered client gets a token that says who, for whom, for what and until when', async () => {
  const client = await registered(world)
  const { back, request, code } = await authorize(world, client.client_id)
  assert.equal(back.origin + back.pathname, 'http://127.0.0.1:51234/callback')
  assert.equal(back.searchParams.get('iss'), world.publicUrl)
  assert.equal(back.searchParams.get('state'), request.state)

  const answer = await exchange(world, client.client_id, code, request.verifier)
  assert.equal(answer.status, 200)
  const tokens = (await answer.json()) as Tokens
  assert.equal(tokens.scope, 'read execute')
  assert.equal(tokens.expires_in, 900)
  assert.ok(tokens.refresh_token)

  assert.equal(decodeProtectedHeader(tokens.access_token).typ, 'at+jwt')
  const claims = decodeJwt(tokens.access_token)
  assert.equal(claims.aud, world.resource)
  assert.equal(claims.iss, world.publicUrl)
  assert.equal(claims.client_id, client.client_id)
  assert.equal(claims.sub, world.owner.id)
  assert.deepEqual(claims.amr, ['pwd'])
  assert.equal(claims.acr, 'urn:mttrly:acr:single')
  assert.ok(Math.abs(Number(claims.auth_time) - Date.now() / 1000) < 60)

  assert.deepEqual(await world.oauth.verifyBearer(tokens.access_token), {
    credential: 'oauth',
    userId: world.owner.id,
    email: 'owner@example.com',
    workspaceId: world.owner.workspaceId,
    role: 'owner',
    scopes: ['read', 'execute'],
    clientId: client.client_id,
    clientName: 'Test client',
    grantId: claims.gid,
    source: 'mcp',
  })
})
