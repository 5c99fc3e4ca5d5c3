// The same door in the whole Central: real tokens, real tools, real audit log.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Booted, bootCentral } from '../../helpers/boot-central.ts'
import type { Person } from '../../helpers/person.ts'
import { initialize, legacy, modern, type Sent, send } from './send.ts'

type Hook = () => unknown

const call = (name: string, args: Record<string, unknown> = {}) => modern('tools/call', { name, arguments: args })
const errorIn = (answer: Sent) => {
  const [block] = (answer.message.result?.content ?? []) as { text: string }[]
  return JSON.parse(block?.text ?? '{}')
}

type Metadata = {
  resource?: string
  issuer?: string
  authorization_servers?: string[]
  scopes_supported?: string[]
  code_challenge_methods_supported?: string[]
}
const documentAt = async (at: string | URL) => (await (await fetch(at)).json()) as Metadata

describe('/mcp of a whole Central', () => {
  const hooks: Hook[] = []
  let booted: Booted
  let owner: Person & { userId: string }
  let url: URL
  let key: string
  before(async () => {
    booted = await bootCentral(
      { after: (hook) => void hooks.push(hook as Hook) },
      {
        config: { 'allowed-origins': 'https://inspector.example' },
      },
    )
    owner = await booted.member('anna')
    url = new URL('/mcp', booted.url)
    key = await booted.apiKey(owner.userId)
  })
  after(async () => {
    for (const hook of hooks.reverse()) await hook()
  })

  it('leads a client without a token to its authorization server', async () => {
    const challenged = await send(url, { token: null, ...modern('server/discover') })
    assert.equal(challenged.status, 401)
    const [, metadataUrl = ''] =
      /resource_metadata="([^"]+)"/.exec(String(challenged.headers['www-authenticate'])) ?? []
    const metadata = await documentAt(metadataUrl)
    assert.equal(metadata.resource, url.href)
    const atRoot = await documentAt(new URL('/.well-known/oauth-protected-resource', url))
    assert.deepEqual(atRoot, metadata)
    const [issuer = ''] = metadata.authorization_servers ?? []
    const server = await documentAt(`${issuer}/.well-known/oauth-authorization-server`)
    assert.equal(server.issuer, issuer)
    assert.deepEqual(server.code_challenge_methods_supported, ['S256'])
    for (const scope of metadata.scopes_supported ?? []) assert.ok(server.scopes_supported?.includes(scope))
  })

  it('lets the metadata be read from any origin, and /mcp from those on the list alone', async () => {
    const headers = { origin: 'https://elsewhere.example' }
    const metadata = await fetch(new URL('/.well-known/oauth-protected-resource/mcp', url), { headers })
    assert.deepEqual([metadata.status, metadata.headers.get('access-control-allow-origin')], [200, '*'])
    const { headers: own, body } = modern('tools/list')
    const statusFrom = async (origin: string) =>
      (await send(url, { token: key, headers: { ...own, origin }, body })).status
    assert.equal(await statusFrom('https://elsewhere.example'), 403)
    assert.equal(await statusFrom('https://inspector.example'), 200)
    assert.equal(await statusFrom(booted.url), 403)
  })

  it('sends the headers of the whole site with streams and errors, too', async () => {
    for (const request of [call('mttrly_list_servers'), modern('tools/list'), modern('does/not/exist')]) {
      const answer = await send(url, { token: key, ...request })
      assert.equal(answer.headers['x-content-type-options'], 'nosniff')
      assert.match(String(answer.headers['x-request-id']), /^req_[0-9a-f]{32}$/)
    }
  })

  it('answers a narrow key with all scopes that are needed', async () => {
    const narrow = await booted.apiKey(owner.userId, ['read'])
    const answer = await send(url, { token: narrow, ...call('mttrly_execute_command', {}) })
    assert.equal(answer.status, 403)
    assert.match(String(answer.headers['www-authenticate']), /error="insufficient_scope".*scope="read execute"/)
    assert.equal((await send(url, { token: narrow, ...call('mttrly_list_servers') })).status, 200)
  })

  it('wraps what is wrong with arguments, and names the field', async () => {
    const answer = await send(url, { token: key, ...call('mttrly_execute_command', { command: 7 }) })
    const { code, details } = errorIn(answer)
    assert.equal(code, 'VALIDATION_ERROR')
    assert.deepEqual(details.issues.map(({ path }: { path: string }) => path).sort(), ['command', 'server_id'])
  })

  it('writes down calls of tools that do not exist', async () => {
    const answer = await send(url, { token: key, ...call('mttrly_rm_rf') })
    assert.equal(answer.message.error?.code, -32602)
    const events = JSON.stringify(await booted.central.audit.list(booted.workspaceId, { limit: 20 }))
    assert.match(events, /call\.invalid/)
    assert.match(events, new RegExp(String(answer.message.error?.data?.request_id)))
  })

  it('refuses a revoked key at once, and closes the sessions that it opened', async () => {
    const keys = booted.central.identity.apiKeys
    const { key: lost, view } = await keys.create({
      userId: owner.userId,
      workspaceId: booted.workspaceId,
      name: 'lost',
      scopes: ['read'],
    })
    const started = await send(url, { token: lost, body: initialize() })
    const session = String(started.headers['mcp-session-id'])
    const headers = { authorization: `Bearer ${lost}`, 'mcp-session-id': session, accept: 'text/event-stream' }
    const stream = await fetch(url, { headers })
    assert.equal(stream.status, 200)
    await keys.revoke(owner.userId, view.id)
    await stream.text()
    const answer = await send(url, { token: lost, headers: { 'mcp-session-id': session }, body: legacy('ping') })
    assert.equal(answer.status, 401)
  })
})
