// Group 14, and what clients read before they ask: who issues, for what, where.
import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { after, before, test } from 'node:test'
import { decodeJwt } from 'jose'
import { createResource } from '../../../central/oauth/metadata.ts'
import { authorizationRequest, authorize, connected, registered } from './client.ts'
import { createWorld, type World } from './world.ts'

let world: World
before(async () => {
  world = await createWorld({ clientDocuments: { enabled: true } })
})
after(() => world.close())

const json = async (path: string) => {
  const answer = await fetch(world.publicUrl + path)
  assert.equal(answer.status, 200, path)
  return (await answer.json()) as Record<string, unknown>
}

test('the resource describes itself at both well-known paths', async () => {
  for (const path of ['/.well-known/oauth-protected-resource/mcp', '/.well-known/oauth-protected-resource']) {
    assert.deepEqual(await json(path), {
      resource: world.resource,
      authorization_servers: [world.publicUrl],
      scopes_supported: ['read', 'execute'],
      bearer_methods_supported: ['header'],
      resource_name: 'mttrly',
    })
  }
})

test('the server describes itself at both well-known paths', async () => {
  const oauth = await json('/.well-known/oauth-authorization-server')
  assert.deepEqual(await json('/.well-known/openid-configuration'), oauth)
  assert.equal(oauth.issuer, world.publicUrl)
  assert.equal(oauth.authorization_endpoint, `${world.publicUrl}/oauth/authorize`)
  assert.equal(oauth.token_endpoint, `${world.publicUrl}/oauth/token`)
  assert.equal(oauth.registration_endpoint, `${world.publicUrl}/oauth/register`)
  assert.equal(oauth.revocation_endpoint, `${world.publicUrl}/oauth/revoke`)
  assert.deepEqual(oauth.code_challenge_methods_supported, ['S256'])
  assert.deepEqual(oauth.token_endpoint_auth_methods_supported, ['none'])
  assert.deepEqual(oauth.grant_types_supported, ['authorization_code', 'refresh_token'])
  assert.deepEqual(oauth.response_types_supported, ['code'])
  assert.deepEqual(oauth.scopes_supported, ['read', 'execute', 'offline_access', 'openid'])
  assert.equal(oauth.client_id_metadata_document_supported, true)
  assert.equal(oauth.authorization_response_iss_parameter_supported, true)
})

test('documents are not offered where they are switched off', async (t) => {
  const other = await createWorld({ t })
  const metadata = await (await fetch(`${other.publicUrl}/.well-known/oauth-authorization-server`)).json()
  assert.equal((metadata as Record<string, unknown>).client_id_metadata_document_supported, undefined)
})

/** fetch does not let a caller lie about Host. */
const withHeaders = (path: string, headers: Record<string, string>): Promise<string> =>
  new Promise((resolve, reject) => {
    const request = httpRequest(world.publicUrl + path, { headers }, (response) => {
      let body = ''
      response.on('data', (chunk) => {
        body += chunk
      })
      response.on('end', () => resolve(body + JSON.stringify(response.headers)))
    })
    request.on('error', reject).end()
  })

test('what a request says about host, scheme and proxy changes no address', async () => {
  const lies = { host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' }
  const { client_id } = await registered(world)
  const path = new URL(authorizationRequest(world, client_id).url)
  for (const place of ['/.well-known/oauth-authorization-server', path.pathname + path.search]) {
    const answer = await withHeaders(place, lies)
    assert.ok(!answer.includes('evil.example'), place)
    assert.ok(answer.includes('issuer') ? answer.includes(`"issuer":"${world.publicUrl}"`) : true)
  }
})

test('the issuer is the same in metadata, answers, errors and tokens', async () => {
  const { tokens } = await connected(world)
  assert.equal(decodeJwt(tokens.access_token).iss, world.publicUrl)
  const { client_id } = await registered(world)
  const { back } = await authorize(world, client_id)
  assert.equal(back.searchParams.get('iss'), world.publicUrl)
  const failed = await fetch(authorizationRequest(world, client_id, { code_challenge: undefined }).url, {
    redirect: 'manual',
  })
  const error = new URL(failed.headers.get('location') ?? '')
  assert.equal(error.searchParams.get('error'), 'invalid_request')
  assert.equal(error.searchParams.get('iss'), world.publicUrl)
})

test('the challenge names metadata and all scopes at once', () => {
  const metadata = `resource_metadata="${world.publicUrl}/.well-known/oauth-protected-resource/mcp"`
  assert.equal(world.oauth.challenge(), `Bearer scope="read execute", ${metadata}`)
  assert.equal(
    world.oauth.challenge({ error: 'insufficient_scope', description: 'needs "execute"' }),
    `Bearer error="insufficient_scope", error_description="needs execute", scope="read execute", ${metadata}`,
  )
})

test('the public URL is an origin', () => {
  assert.throws(() => createResource('https://central.example/base'), /origin/)
  assert.equal(createResource('https://central.example/').resource, 'https://central.example/mcp')
})

test('metadata is readable from any page, the token endpoint from allowed ones', async () => {
  const origin = { origin: 'https://elsewhere.example' }
  const metadata = await fetch(`${world.publicUrl}/.well-known/oauth-authorization-server`, { headers: origin })
  assert.equal(metadata.headers.get('access-control-allow-origin'), 'https://elsewhere.example')
  const { client_id } = await registered(world)
  const ask = (from: string) =>
    fetch(`${world.publicUrl}/oauth/token`, {
      method: 'POST',
      headers: { origin: from },
      body: new URLSearchParams({ grant_type: 'refresh_token', client_id, refresh_token: 'x' }),
    })
  const foreign = await ask('https://elsewhere.example')
  assert.equal(foreign.headers.get('access-control-allow-origin'), null)
  assert.equal(((await foreign.json()) as { error: string }).error, 'invalid_request')
  const known = await ask('https://inspector.example')
  assert.equal(known.headers.get('access-control-allow-origin'), 'https://inspector.example')
  assert.equal(((await known.json()) as { error: string }).error, 'invalid_grant')
})
