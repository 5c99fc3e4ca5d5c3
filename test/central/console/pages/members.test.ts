// Who belongs to the workspace: invited, withdrawn, joined, disabled. Each change is an owner's with a fresh second
// factor, and stands in the audit log before it holds.
import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { type Booted, bootConsole, type Person } from '../boot-console.ts'

let central: Booted
let anna: Person
beforeEach(async () => {
  central = await bootConsole()
  anna = await central.signIn('usr_anna')
})
afterEach(() => central.close())

const get = (who: Person, url: string) => central.app.inject({ url, headers: { cookie: who.cookie } })
const post = (url: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
  central.app.inject({
    method: 'POST',
    url,
    headers: { 'sec-fetch-site': 'same-origin', 'content-type': 'application/x-www-form-urlencoded', ...headers },
    payload: new URLSearchParams(fields).toString(),
  })
const send = (who: Person, url: string, fields: Record<string, string> = {}) =>
  post(url, { csrf: who.csrf, ...fields }, { cookie: who.cookie })

const WISH = { email: 'Cleo@example.org', role: 'approver' }
const PASSWORD = 'four unrelated words here'
const tokenIn = (body: string) => /\/join#([\w-]{43})</.exec(body)?.[1] ?? ''
const invite = async (fields: Record<string, string> = {}) => {
  central.clock.advance(30_000)
  return send(anna, '/settings/invite', { ...WISH, code: anna.code(), ...fields })
}
const join = (token: string, password?: string) => post('/join', { token, ...(password && { password }) })
const lines = async () => (await central.audit.list('wsp_1', { limit: 20 })).map(({ body }) => body).toReversed()
const said = async () => (await lines()).map(({ event, resource }) => `${event} ${resource}`)
/** From now on nothing can be written down. */
const breakAudit = () => {
  central.audit.append = () => Promise.reject(new Error('disk full'))
}

test('an owner with a code makes a link, once to be seen; it is listed until it is used', async () => {
  const page = await invite()
  assert.equal(page.statusCode, 200)
  assert.match(page.body, /This is shown once\./)
  const token = tokenIn(page.body)
  const settings = (await get(anna, '/settings')).body
  assert.match(settings, /id="invitations".*cleo@example\.org.*as approver · by <bdi>anna@example\.org/s)
  assert.ok(!settings.includes(token))

  const asked = await join(token)
  assert.match(asked.body, /Join <bdi>Test.*anna@example\.org.*approver.*value="cleo@example\.org" readonly/s)
  const weak = await join(token, 'short')
  assert.equal(weak.statusCode, 422)
  const joined = await join(token, PASSWORD)
  assert.equal(joined.headers.location, '/account?joined')
  const cookie = String(joined.headers['set-cookie']).split(';')[0] ?? ''
  const session = await central.identity.sessionOf({ headers: { cookie } })
  assert.deepEqual([session?.email, session?.role, session?.workspaceId], ['cleo@example.org', 'approver', 'wsp_1'])
  const account = await central.app.inject({ url: '/account?joined', headers: { cookie } })
  assert.match(account.body, /You have joined\..*authenticator app/s)
  assert.doesNotMatch((await get(anna, '/settings')).body, /id="invitations"/)

  const again = await join(token, PASSWORD)
  assert.equal(again.statusCode, 422)
  assert.match(again.body, /has been used/)
  assert.deepEqual(await said(), ['account.changed invitations'])
  assert.ok(!JSON.stringify(await lines()).includes(token))
})

test('the form decides neither role nor address nor workspace', async () => {
  const token = tokenIn((await invite()).body)
  await post('/join', { token, password: PASSWORD, role: 'owner', email: 'eve@example.org', workspaceId: 'wsp_2' })
  const made = await central.identity.accounts.find('cleo@example.org')
  assert.deepEqual([made?.role, made?.workspaceId], ['approver', 'wsp_1'])
  assert.equal(await central.identity.accounts.find('eve@example.org'), undefined)
})

const NOT_INVITED: readonly [what: string, fields: Record<string, string>, says: RegExp][] = [
  ['no code', { code: '' }, /Enter a one-time code/],
  ['a wrong code', { code: '000000' }, /was wrong/],
  ['the role owner', { role: 'owner' }, /an owner can change the role afterwards/],
  ['an unknown role', { role: 'admin' }, /A person is invited as/],
  ['no address', { email: 'x' }, /not an e-mail address/],
  ['the address of an account', { email: 'BEN@example.org' }, /There is an account with this e-mail address/],
]

for (const [what, fields, says] of NOT_INVITED) {
  test(`with ${what} nobody is invited`, async () => {
    const answer = await invite(fields)
    assert.equal(answer.statusCode, 422)
    assert.match(answer.body, says)
    assert.deepEqual(await central.identity.invitations.open('wsp_1'), [])
    assert.deepEqual(await said(), [])
  })
}

test('a withdrawn and an unknown link say so; withdrawing needs no code, and happens once', async () => {
  const token = tokenIn((await invite()).body)
  const [open] = await central.identity.invitations.open('wsp_1')
  const id = open?.id ?? ''
  assert.equal((await send(anna, '/settings/invitations/withdraw', { id })).headers.location, '/settings?saved')
  assert.match((await join(token)).body, /was withdrawn/)
  assert.equal((await send(anna, '/settings/invitations/withdraw', { id })).statusCode, 404)
  assert.match((await join('x'.repeat(43))).body, /not known here/)
  assert.equal((await said())[1], 'account.changed invitations/withdraw')
})

test('the page of a link asks nothing of the server before it is sent, and only our own form is taken', async () => {
  const token = tokenIn((await invite()).body)
  const page = await central.app.inject({ url: '/join' })
  assert.match(page.body, /Invitation code/)
  const foreign = await post('/join', { token, password: PASSWORD }, { 'sec-fetch-site': 'cross-site' })
  assert.equal(foreign.statusCode, 403)
  assert.equal((await central.identity.invitations.open('wsp_1')).length, 1)
})

test('a disabled member is out at once, and what they had does not come back with them', async () => {
  const ben = await central.signIn('usr_ben')
  const wish = { userId: 'usr_ben', workspaceId: 'wsp_1', name: 'ci', scopes: ['read' as const] }
  const { key } = await central.identity.apiKeys.create(wish)
  const news: unknown[] = []
  central.bus.subscribe('user_disabled', (message) => news.push(message))
  const path = '/settings/members/usr_ben'
  assert.match((await get(anna, path)).body, /Disable a member/)
  assert.equal((await send(anna, path, { to: 'disabled', code: '000000' })).statusCode, 422)
  assert.equal((await get(ben, '/')).statusCode, 200)

  const done = await send(anna, path, { to: 'disabled', code: anna.code() })
  assert.equal(done.headers.location, '/settings?saved')
  assert.equal((await get(ben, '/')).statusCode, 302)
  assert.equal(await central.identity.apiKeys.verify(key), undefined)
  assert.deepEqual(news, [{ user_id: 'usr_ben' }])
  assert.match((await get(anna, '/settings')).body, /Disabled<\/span> · <a href="\/settings\/members\/usr_ben">Enable/)

  central.clock.advance(30_000)
  await send(anna, path, { to: 'enabled', code: anna.code() })
  assert.equal((await get(await central.signIn('usr_ben', { totp: false }), '/')).statusCode, 200)
  assert.equal(await central.identity.apiKeys.verify(key), undefined)
  assert.deepEqual(await said(), ['account.changed disabled', 'account.changed enabled'])
})

test('a page that is out of date turns nobody back on', async () => {
  const code = () => {
    central.clock.advance(30_000)
    return anna.code()
  }
  await send(anna, '/settings/members/usr_ben', { to: 'disabled', code: code() })
  await send(anna, '/settings/members/usr_ben', { to: 'disabled', code: code() })
  assert.equal(await central.identity.accounts.isEnabled('usr_ben'), false)
})

test('a workspace keeps an owner who can sign in: nobody disables themselves, and the last one cannot leave', async () => {
  assert.equal((await send(anna, '/settings/members/usr_anna', { to: 'disabled', code: anna.code() })).statusCode, 403)
  await send(anna, '/settings/members/usr_ben', { to: 'disabled', code: anna.code() })
  central.clock.advance(30_000)
  const leaving = { 'role:usr_anna': 'viewer', 'role:usr_ben': 'owner', code: anna.code() }
  assert.match((await send(anna, '/settings', leaving)).body, /A workspace needs an owner/)
  assert.equal(await central.members.role('wsp_1', 'usr_anna'), 'owner')
})

test('only owners come in, and only to members of their own workspace', async () => {
  await central.identity.accounts.createUser({
    email: 'far@example.org',
    password: PASSWORD,
    role: 'viewer',
    workspaceId: 'wsp_2',
  })
  const far = (await central.identity.accounts.find('far@example.org'))?.id ?? ''
  assert.equal((await get(anna, `/settings/members/${far}`)).statusCode, 404)
  assert.equal((await send(anna, `/settings/members/${far}`, { to: 'disabled', code: anna.code() })).statusCode, 404)
  const ben = await central.signIn('usr_ben', { totp: true, role: 'approver' })
  for (const url of ['/settings/invite', '/settings/members/usr_anna'])
    assert.equal((await get(ben, url)).statusCode, 403, url)
  for (const url of [
    '/settings/invite',
    '/settings/invite/challenge',
    '/settings/invitations/withdraw',
    '/settings/members/usr_anna',
    '/settings/members/usr_anna/challenge',
  ])
    assert.equal((await send(ben, url, { ...WISH, to: 'disabled', code: ben.code() })).statusCode, 403, url)
})

test('without a second factor an owner is told where to get one', async () => {
  const ben = await central.signIn('usr_ben', { totp: false })
  for (const url of ['/settings/invite', '/settings/members/usr_anna'])
    assert.match((await get(ben, url)).body, /You have no second factor yet/, url)
})

test('what cannot be written down does not happen', async () => {
  const ben = await central.signIn('usr_ben', { totp: true })
  await invite()
  const [open] = await central.identity.invitations.open('wsp_1')
  breakAudit()
  const attempts: readonly [url: string, fields: Record<string, string>][] = [
    ['/settings/invite', { email: 'dora@example.org', role: 'viewer' }],
    ['/settings/invitations/withdraw', { id: open?.id ?? '' }],
    ['/settings/members/usr_ben', { to: 'disabled' }],
    ['/settings', { read_only: 'on', 'role:usr_ben': 'viewer' }],
    ['/account/api-keys', { name: 'ci', scopes: 'read', days: '1' }],
    ['/account/totp/remove', {}],
  ]
  for (const [url, fields] of attempts) {
    central.clock.advance(30_000)
    const answer = await send(anna, url, { ...fields, code: anna.code() })
    assert.equal(answer.statusCode, 500, url)
  }
  assert.deepEqual(
    (await central.identity.invitations.open('wsp_1')).map(({ id }) => id),
    [open?.id],
  )
  assert.equal(await central.identity.accounts.isEnabled(ben.id), true)
  assert.equal(await central.members.role('wsp_1', 'usr_ben'), 'owner')
  assert.equal((await central.plans.get('wsp_1')).policy.read_only, false)
  assert.deepEqual(await central.identity.apiKeys.list('usr_anna'), [])
  assert.equal(await central.identity.totp.enrolled('usr_anna'), true)
})

test('a line of the account page says which key, and holds no secret', async () => {
  const fields = { name: 'ci', scopes: 'read', days: '7', password: 'hunter2 hunter2', code: '123456' }
  const page = await send(anna, '/account/api-keys', fields)
  const [line] = await lines()
  assert.deepEqual([line?.resource, line?.details], ['api-keys', { name: 'ci', scopes: 'read', days: '7' }])
  const key = /mtt_[\w-]{43}/.exec(page.body)?.[0] ?? 'none'
  const [view] = await central.identity.apiKeys.list('usr_anna')
  await send(anna, '/account/api-keys/revoke', { id: view?.id ?? '' })
  await send(anna, '/account/passkeys/options')
  const all = await lines()
  assert.deepEqual(
    all.map(({ resource }) => resource),
    ['api-keys', 'api-keys/revoke'],
  )
  assert.deepEqual(all[1]?.details, { id: view?.id })
  for (const secret of [key, 'hunter2', '123456']) assert.ok(!JSON.stringify(all).includes(secret))
})
