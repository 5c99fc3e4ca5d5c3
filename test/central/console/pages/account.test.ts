// The account page: each form does what it says, for its own person, after a fresh sign-in where that is due.
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { createAuthenticator } from '../../identity/authenticator.ts'
import { OWNER, PASSWORD } from '../../identity/people.ts'
import { codeAt } from '../../identity/totp-codes.ts'
import { type Browser, createBrowser, fieldOf } from '../../oauth/browser.ts'
import { authorize, exchange, registered, type Tokens } from '../../oauth/client.ts'
import { createWorld, type World } from '../../oauth/world.ts'

let world: World
let browser: Browser
before(async () => {
  world = await createWorld()
})
after(() => world.close())
beforeEach(async () => {
  browser = await signedIn(world)
})

async function signedIn(to: World): Promise<Browser> {
  const fresh = createBrowser(to.publicUrl)
  const page = await fresh.post('/sign-in', { email: OWNER, password: PASSWORD, next: '/account' })
  assert.equal(page.location, `${to.publicUrl}/account`)
  return fresh
}

/** Sends a form of the account page. */
const send = async (path: string, form: Record<string, string> = {}, from = browser) => {
  const csrf = fieldOf(await from.get('/account'), 'csrf')
  return from.post(path, { csrf, ...form })
}

const secretIn = (text: string): string =>
  />([^<]*)<\/pre>/.exec(/<pre class="secret"[^<]*<\/pre>/.exec(text)?.[0] ?? '')?.[1] ?? ''

const idIn = (text: string, path: string): string =>
  new RegExp(
    `action="${path}"><input type="hidden" name="csrf" value="[^"]*"><input type="hidden" name="id" value="([^"]*)"`,
  ).exec(text)?.[1] ?? ''

test('an authenticator app: shown, confirmed, followed by recovery codes; removed, and they go with it', async (t) => {
  const own = await createWorld({ t })
  const mine = await signedIn(own)
  await send('/account/totp', {}, mine)
  const page = await mine.get('/account')
  assert.match(page.text, /<svg[^>]*viewBox/)
  const secret = /data-totp-secret>([A-Z2-7]{32})</.exec(page.text)?.[1] ?? ''
  assert.equal((await send('/account/totp/confirm', { code: '000000' }, mine)).status, 422)
  const done = await send('/account/totp/confirm', { code: codeAt(secret, own.clock.now()) }, mine)
  assert.equal(done.status, 200)
  assert.equal(done.headers.get('cache-control'), 'no-store')
  assert.equal(secretIn(done.text).split('\n').length, 10)
  const after = await mine.get('/account')
  assert.ok(!after.text.includes(secret))
  assert.match(after.text, /10 left/)
  const confirmed = own.lines.filter(({ resource }) => resource === 'totp/confirm').map(({ outcome }) => outcome)
  assert.deepEqual(confirmed, [undefined, 'refused', undefined], 'the wrong code is told from the right one')
  await send('/account/totp/remove', {}, mine)
  assert.deepEqual(await own.identity.factorsOf(own.owner.id), { totp: false, passkeys: false, recoveryCodes: 0 })
})

test('a passkey: added, named, removed', async (t) => {
  const own = await createWorld({ t })
  const mine = await signedIn(own)
  const authenticator = createAuthenticator(own.publicUrl)
  const options = JSON.parse((await send('/account/passkeys/options', {}, mine)).text)
  assert.equal(options.user.name, OWNER)
  const form = { passkey: JSON.stringify(authenticator.register(options)), name: '<b>Laptop</b>' }
  assert.equal((await send('/account/passkeys', form, mine)).status, 200)
  assert.equal((await send('/account/passkeys', form, mine)).status, 422, 'the challenge is used')
  const page = await mine.get('/account')
  assert.ok(page.text.includes('Laptop') && !page.text.includes('<b>Laptop'))
  await send('/account/passkeys/remove', { id: idIn(page.text, '/account/passkeys/remove') }, mine)
  assert.equal((await own.identity.factorsOf(own.owner.id)).passkeys, false)
})

test('an API key is shown once, works, and ends when it is revoked', async () => {
  const made = await send('/account/api-keys', { name: 'ci', scopes: 'read', days: '30' })
  const key = secretIn(made.text)
  assert.match(key, /^mtt_[A-Za-z0-9_-]{43}$/)
  assert.ok('userId' in (await world.oauth.verifyBearer(key)))
  const page = await browser.get('/account')
  assert.ok(!page.text.includes(key))
  await send('/account/api-keys/revoke', { id: idIn(page.text, '/account/api-keys/revoke') })
  await new Promise(setImmediate)
  assert.ok('refused' in (await world.oauth.verifyBearer(key)))
})

test('a key without a name, without a scope or for too long is not made', async () => {
  for (const form of [
    { name: '', scopes: 'read', days: '30' },
    { name: 'x', scopes: 'admin', days: '30' },
    { name: 'x', scopes: 'read', days: '4000' },
  ]) {
    assert.equal((await send('/account/api-keys', form)).status, 422)
  }
})

test('a connected client is listed under its own words, and disconnected', async () => {
  const { client_id } = await registered(world, { client_name: 'My <i>client</i>' })
  const { code, request } = await authorize(world, client_id)
  const tokens = (await (await exchange(world, client_id, code, request.verifier)).json()) as Tokens
  const page = await browser.get('/account')
  assert.ok(page.text.includes('My ') && !page.text.includes('<i>client'))
  await send('/account/clients/revoke', { id: idIn(page.text, '/account/clients/revoke') })
  await new Promise(setImmediate)
  assert.ok('refused' in (await world.oauth.verifyBearer(tokens.access_token)))
})

test("nobody ends what is another person's", async () => {
  const { identity, owner } = world
  const password = 'another set of words'
  const wish = { email: 'viewer@example.com', password, role: 'viewer' as const, workspaceId: owner.workspaceId }
  assert.ok('id' in (await identity.accounts.createUser(wish)))
  const { view, key } = await identity.apiKeys.create({
    userId: owner.id,
    workspaceId: owner.workspaceId,
    name: 'x',
    scopes: ['read'],
  })
  const [session] = await identity.sessions.list(owner.id)
  const other = createBrowser(world.publicUrl)
  await other.post('/sign-in', { email: wish.email, password })
  await send('/account/api-keys/revoke', { id: view.id }, other)
  await send('/account/sessions/end', { id: session?.id ?? '' }, other)
  assert.ok('userId' in (await world.oauth.verifyBearer(key)))
  assert.ok((await identity.sessions.list(owner.id)).some(({ id }) => id === session?.id))
})

test('after ten minutes, what changes the account needs a new sign-in; ending things does not', async (t) => {
  const own = await createWorld({ t })
  const mine = await signedIn(own)
  own.clock.advance(10 * 60_000 + 1)
  const again = `${own.publicUrl}/sign-in?again=1&next=%2Faccount`
  for (const path of [
    'password',
    'totp',
    'totp/confirm',
    'totp/remove',
    'passkeys/options',
    'passkeys',
    'passkeys/remove',
    'recovery-codes',
    'api-keys',
  ]) {
    assert.equal((await send(`/account/${path}`, {}, mine)).location, again, path)
  }
  assert.equal((await send('/account/sessions/end', { id: 'none' }, mine)).location, `${own.publicUrl}/account?done`)
  const page = await mine.get('/sign-in?again=1&next=%2Faccount')
  assert.equal(page.status, 200)
  const before = mine.cookies()[0]?.value
  await mine.post('/sign-in', { email: OWNER, password: PASSWORD, next: '/account' })
  assert.notEqual(mine.cookies()[0]?.value, before)
  assert.equal((await send('/account/totp', {}, mine)).location, `${own.publicUrl}/account#totp`)
})

test('without our form nothing changes', async () => {
  for (const path of ['password', 'totp', 'api-keys', 'sign-out-everywhere', 'clients/revoke']) {
    assert.equal((await browser.post(`/account/${path}`, { csrf: 'x' })).status, 403, path)
    const csrf = fieldOf(await browser.get('/account'), 'csrf')
    assert.equal(
      (await browser.post(`/account/${path}`, { csrf }, { origin: 'https://evil.example' })).status,
      403,
      path,
    )
  }
})

test('signing out everywhere ends sessions here and there, and clients', async (t) => {
  const own = await createWorld({ t })
  const [here, there] = [await signedIn(own), await signedIn(own)]
  const { client_id } = await registered(own)
  const { code, request } = await authorize(own, client_id)
  const tokens = (await (await exchange(own, client_id, code, request.verifier)).json()) as Tokens
  assert.equal((await send('/account/sign-out-everywhere', {}, here)).location, `${own.publicUrl}/sign-in`)
  await new Promise(setImmediate)
  assert.equal((await here.get('/account')).status, 302)
  assert.equal((await there.get('/account')).status, 302)
  assert.ok('refused' in (await own.oauth.verifyBearer(tokens.access_token)))
})

test('the password changes with the present one alone', async (t) => {
  const own = await createWorld({ t })
  const mine = await signedIn(own)
  assert.equal(
    (await send('/account/password', { current: 'wrong words', password: 'fresh unrelated words' }, mine)).status,
    422,
  )
  assert.equal((await send('/account/password', { current: PASSWORD, password: 'short' }, mine)).status, 422)
  const done = await send('/account/password', { current: PASSWORD, password: 'fresh unrelated words' }, mine)
  assert.equal(done.location, `${own.publicUrl}/account?done`)
  const old = await createBrowser(own.publicUrl).post('/sign-in', { email: OWNER, password: PASSWORD })
  assert.equal(old.status, 401)
})
