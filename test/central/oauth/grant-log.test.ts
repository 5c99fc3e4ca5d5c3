// Grants in the audit log: given and revoked, each line before what it tells of.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import { createBrowser, fieldOf } from './browser.ts'
import { authorizationRequest, connected, post, registered, signIn, toConsent } from './client.ts'
import { createWorld, type World } from './world.ts'

const grantLines = ({ lines }: World) => lines.filter(({ resource }) => resource?.startsWith('clients'))
const standing = async (world: World) =>
  (await world.db.kysely.selectFrom('oauth_grants').select('revoked_at').execute()).map(
    ({ revoked_at }) => revoked_at === null,
  )

test('a grant is written down with who gave it to which client, and no token', async (t) => {
  const world = await createWorld({ t })
  const { clientId, tokens } = await connected(world)
  const [line] = grantLines(world)
  assert.equal(line?.resource, 'clients')
  assert.equal(line?.workspace_id, world.owner.workspaceId)
  assert.deepEqual([line?.actor.user_id, line?.actor.credential], [world.owner.id, 'session'])
  assert.equal(line?.details?.client_id, clientId)
  assert.equal(line?.details?.grant_id, decodeJwt(tokens.access_token).gid)
  const text = JSON.stringify(world.lines)
  for (const secret of [tokens.access_token, tokens.refresh_token]) assert.ok(!text.includes(secret))
})

test('without its line no grant is given', async (t) => {
  const world = await createWorld({ t })
  const { client_id } = await registered(world)
  const browser = createBrowser(world.publicUrl)
  const page = await toConsent(browser, authorizationRequest(world, client_id))
  world.audit.append = () => Promise.reject(new Error('disk full'))
  const form = { csrf: fieldOf(page, 'csrf'), decision: 'allow', scope: 'read' }
  const answer = await browser.post(new URL(page.url).pathname, form)
  assert.equal(answer.status, 500)
  assert.deepEqual(await standing(world), [])
})

const giveBack = (world: World, client_id: string, token: string) => post(world, '/oauth/revoke', { client_id, token })

test('a client that gives its token back is written down, once', async (t) => {
  const world = await createWorld({ t })
  const { clientId, tokens } = await connected(world)
  for (let at = 0; at < 2; at++) assert.equal((await giveBack(world, clientId, tokens.refresh_token)).status, 200)
  assert.deepEqual(await standing(world), [false])
  const revoked = grantLines(world).filter(({ resource }) => resource === 'clients/revoke')
  assert.equal(revoked.length, 1)
  assert.deepEqual([revoked[0]?.actor.credential, revoked[0]?.actor.client_id], ['oauth', clientId])
})

test('without the line the client is told that it failed', async (t) => {
  const world = await createWorld({ t })
  const { clientId, tokens } = await connected(world)
  world.audit.append = () => Promise.reject(new Error('disk full'))
  assert.equal((await giveBack(world, clientId, tokens.refresh_token)).status, 500)
  assert.deepEqual(await standing(world), [true])
})

test('a person who disconnects a client is written down by the page, with the grant', async (t) => {
  const world = await createWorld({ t })
  const { tokens } = await connected(world)
  const gid = String(decodeJwt(tokens.access_token).gid)
  const browser = createBrowser(world.publicUrl)
  await signIn(browser)
  const csrf = /name="csrf" value="([^"]+)"/.exec((await browser.get('/account')).text)?.[1] ?? ''
  await browser.post('/account/clients/revoke', { csrf, id: gid })
  assert.deepEqual(await standing(world), [false])
  const said = grantLines(world).map(({ resource, actor, details }) => [resource, actor.credential, details?.id])
  assert.deepEqual(said[1], ['clients/revoke', 'session', gid])
  assert.equal(said.length, 2)
})
