// Group 20 at the door: what a browser sees of signing in, the second step, signing out and the set-up page.
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { createAuthenticator } from '../../identity/authenticator.ts'
import { OWNER, PASSWORD } from '../../identity/people.ts'
import { codeAt } from '../../identity/totp-codes.ts'
import { type Browser, createBrowser, fieldOf } from '../../oauth/browser.ts'
import { createWorld, type World } from '../../oauth/world.ts'

let world: World
let browser: Browser
before(async () => {
  world = await createWorld()
})
after(() => world.close())
beforeEach(() => {
  browser = createBrowser(world.publicUrl)
})

const signIn = (next = '/', from = browser) => from.post('/sign-in', { email: OWNER, password: PASSWORD, next })

test('without a session every page leads to the sign-in, and back', async () => {
  const page = await browser.get('/account')
  assert.equal(page.location, `${world.publicUrl}/sign-in?next=%2Faccount`)
  const form = await browser.get(page.location ?? '')
  assert.equal(fieldOf(form, 'next'), '/account')
  const back = await signIn('/account')
  assert.equal(back.status, 303)
  assert.equal(back.location, `${world.publicUrl}/account`)
  assert.equal((await browser.get('/account')).status, 200)
  assert.equal((await browser.get('/sign-in?next=/account')).location, `${world.publicUrl}/account`)
})

test('nobody is sent to another site after signing in', async () => {
  const elsewhere = [
    'https://evil.example',
    '//evil.example',
    '/\\evil.example',
    '/\t/evil.example',
    'javascript:alert(1)',
    '\\\\evil.example',
    '/..//evil.example',
  ]
  for (const next of elsewhere) {
    const answer = await signIn(next, createBrowser(world.publicUrl))
    assert.equal(answer.status, 303)
    assert.equal(new URL(answer.location ?? '').origin, world.publicUrl, next)
  }
})

test('a wrong password says nothing about the account, and fills nothing in but the address', async () => {
  const wrong = await browser.post('/sign-in', { email: OWNER, password: 'wrong words', next: '/' })
  const unknown = await browser.post('/sign-in', { email: 'nobody@example.com', password: 'wrong words', next: '/' })
  assert.equal(wrong.status, 401)
  assert.equal(unknown.status, 401)
  assert.equal(wrong.text, unknown.text.replaceAll('nobody@example.com', OWNER))
  assert.ok(!wrong.text.includes('wrong words'))
})

test('a form from another site signs nobody in', async () => {
  const form = { email: OWNER, password: PASSWORD, next: '/' }
  assert.equal((await browser.post('/sign-in', form, { origin: 'https://evil.example' })).status, 403)
  assert.equal((await browser.post('/sign-in', form, { 'sec-fetch-site': 'cross-site' })).status, 403)
  assert.deepEqual(browser.cookies(), [])
})

test('too many attempts are told how long to wait', async () => {
  const guess = () => browser.post('/sign-in', { email: 'locked@example.com', password: 'wrong words', next: '/' })
  for (let at = 0; at < 5; at++) assert.equal((await guess()).status, 401)
  const locked = await guess()
  assert.equal(locked.status, 429)
  assert.equal(locked.headers.get('retry-after'), '30')
  assert.match(locked.text, /Wait (29|30) s/)
})

test('signing out ends the session on the server, and needs our own form', async () => {
  await signIn()
  const page = await browser.get('/account')
  const [cookie] = browser.cookies()
  assert.equal((await browser.post('/sign-out', { csrf: 'x' })).status, 403)
  assert.equal((await browser.get('/sign-out')).status, 404)
  assert.equal((await browser.get('/account')).status, 200)
  await browser.post('/sign-out', { csrf: fieldOf(page, 'csrf') })
  const stolen = await browser.request('/account', { headers: { cookie: `${cookie?.name}=${cookie?.value}` } })
  assert.equal(stolen.status, 302)
})

test('the second step takes a code, and the page says what it may be', async (t) => {
  const own = await createWorld({ t, totp: true })
  const other = createBrowser(own.publicUrl)
  assert.equal((await other.get('/sign-in/second-factor')).location, `${own.publicUrl}/sign-in`)
  const step = await signIn('/account', other)
  assert.equal(step.location, `${own.publicUrl}/sign-in/second-factor?next=%2Faccount`)
  assert.equal((await other.get('/account')).status, 302, 'the password alone is no session')
  const page = await other.get(step.location ?? '')
  assert.match(page.text, /One-time code/)
  assert.equal((await other.post('/sign-in/second-factor', { code: '000000', next: '/account' })).status, 401)
  assert.equal((await other.post('/sign-in/second-factor', { next: '/account' })).status, 400)
  const code = codeAt(own.owner.totp?.secret ?? '', own.clock.now())
  const done = await other.post('/sign-in/second-factor', { code, next: '/account' })
  assert.equal(done.location, `${own.publicUrl}/account`)
  assert.equal((await other.get('/account')).status, 200)
  assert.equal((await other.get('/sign-in/second-factor')).location, `${own.publicUrl}/sign-in`)
})

test('a passkey as second step, and alone', async (t) => {
  const own = await createWorld({ t })
  const authenticator = createAuthenticator(own.publicUrl)
  const wish = await own.identity.passkeys.registrationOptions(own.owner)
  assert.ok(wish && (await own.identity.passkeys.register(own.owner.id, authenticator.register(wish), 'key')))

  const first = createBrowser(own.publicUrl)
  await signIn('/', first)
  const options = JSON.parse((await first.post('/sign-in/second-factor/options', {})).text)
  assert.deepEqual(
    options.allowCredentials.map(({ id }: { id: string }) => id),
    [authenticator.credentialId],
  )
  const form = { passkey: JSON.stringify(authenticator.answer(options)), next: '/account' }
  assert.equal((await first.post('/sign-in/second-factor', form)).location, `${own.publicUrl}/account`)

  const second = createBrowser(own.publicUrl)
  const open = JSON.parse((await second.post('/sign-in/passkey-options', {})).text)
  assert.equal(open.rpId, 'localhost')
  const alone = { passkey: JSON.stringify(authenticator.answer(open)), next: '/account' }
  assert.equal((await second.post('/sign-in/passkey', alone)).location, `${own.publicUrl}/account`)
  assert.equal((await second.post('/sign-in/passkey', alone)).status, 401)
  assert.equal((await createBrowser(own.publicUrl).post('/sign-in/second-factor/options', {})).status, 409)
})

test('the set-up page uses nothing up when it is looked at, and is gone when there is an owner', async (t) => {
  assert.equal((await browser.get('/setup')).location, `${world.publicUrl}/sign-in`)
  const own = await createWorld({ t, owner: false })
  const link = new URL((await own.identity.accounts.createSetupLink()) ?? '')
  const other = createBrowser(own.publicUrl)
  for (let at = 0; at < 3; at++) assert.equal((await other.get(link.pathname)).status, 200)
  const form = { token: link.hash.slice(1), email: OWNER, password: PASSWORD }
  assert.equal((await other.post('/setup', form, { origin: 'https://evil.example' })).status, 403)
  assert.equal((await other.post('/setup', { ...form, password: 'short' })).status, 422)
  assert.equal((await other.post('/setup', { ...form, token: 'guess' })).status, 422)
  const made = await other.post('/setup', form)
  assert.equal(made.location, `${own.publicUrl}/account?welcome`)
  assert.match((await other.get('/account?welcome')).text, /This Central is yours/)
  const late = await createBrowser(own.publicUrl).post('/setup', { ...form, email: 'second@example.com' })
  assert.equal(late.status, 422)
})

test('pages with forms are not kept, not framed, and run scripts of this site alone', async () => {
  const page = await browser.get('/sign-in')
  assert.equal(page.headers.get('cache-control'), 'no-store')
  const policy = page.headers.get('content-security-policy') ?? ''
  assert.match(policy, /frame-ancestors 'none'/)
  assert.match(policy, /script-src 'self'/)
  assert.ok(!policy.includes('unsafe'))
})
