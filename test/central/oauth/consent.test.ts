// Group 15: the confused deputy. Nobody's browser grants anything that the person did not see and send.
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { decodeJwt } from 'jose'
import { codeAt } from '../identity/totp-codes.ts'
import { createBrowser, fieldOf, type Page } from './browser.ts'
import {
  authorizationRequest,
  authorize,
  consent,
  exchange,
  registered,
  signIn,
  type Tokens,
  toConsent,
} from './client.ts'
import { createWorld, type World } from './world.ts'

let world: World
let clientId: string
before(async () => {
  world = await createWorld()
  clientId = (await registered(world, { client_name: 'Evil <b>Client</b> \u202e' })).client_id
})
after(() => world.close())

const grants = () => world.db.kysely.selectFrom('oauth_grants').selectAll().execute()
let before_: number
const consentPage = async (changes: Record<string, string | undefined> = {}) => {
  const browser = createBrowser(world.publicUrl)
  const request = authorizationRequest(world, clientId, changes)
  const page = await toConsent(browser, request)
  before_ = (await grants()).length
  return { browser, page, request }
}

test('the page says who asks, where the answer goes, for whom and what for', async () => {
  const { page } = await consentPage()
  assert.equal(page.status, 200)
  for (const shown of ['127.0.0.1:51234', 'owner@example.com', 'Look', 'Ask for changes', 'it registered itself']) {
    assert.ok(page.text.includes(shown), shown)
  }
  assert.ok(page.text.includes('program on the machine where your browser runs'))
  assert.ok(page.text.includes('Evil &lt;b&gt;Client&lt;/b&gt;') || page.text.includes('Evil &#60;b&#62;Client'))
  assert.ok(!page.text.includes('<b>Client</b>') && !page.text.includes('\u202e'))
})

test('what is ticked is what a browser sends: each box has the name that the form is read by', async () => {
  const { page } = await consentPage()
  const fields = [...page.text.matchAll(/<input\b[^>]*>/g)]
    .map(([tag]) => tag)
    .filter((tag) => !/ disabled\b/.test(tag))
  const sent = fields.filter((tag) => / name="scope"/.test(tag)).flatMap((tag) => / value="(\w+)"/.exec(tag)?.[1] ?? [])
  assert.deepEqual(sent.sort(), ['execute', 'read'])
})

test('the page cannot be framed; its form may lead to the client and nowhere else', async () => {
  const { page } = await consentPage()
  const policy = page.headers.get('content-security-policy') ?? ''
  assert.match(policy, /frame-ancestors 'none'/)
  assert.match(policy, /form-action 'self' http:\/\/127\.0\.0\.1:51234;/)
  assert.match(policy, /script-src 'self';/)
  assert.equal(page.headers.get('cache-control'), 'no-store')
})

test('consent is asked for again, though it was given before and the browser is signed in', async () => {
  const { browser, page } = await consentPage()
  await consent(browser, page)
  const again = await toConsent(browser, authorizationRequest(world, clientId, { prompt: undefined }))
  assert.match(again.url, /\/oauth\/consent\//)
  assert.equal(again.status, 200)
})

test('without a session the person signs in first, and comes back', async () => {
  const browser = createBrowser(world.publicUrl)
  const page = await browser.follow(await browser.get(authorizationRequest(world, clientId).url))
  const url = new URL(page.url)
  assert.equal(url.pathname, '/sign-in')
  assert.match(url.searchParams.get('next') ?? '', /^\/oauth\/consent\//)
})

describe('nothing is granted', () => {
  const form = (page: Page, changes: Record<string, string> = {}): [string, string][] =>
    Object.entries({ csrf: fieldOf(page, 'csrf'), decision: 'allow', scope: 'read', ...changes })

  afterEach(async () => assert.equal((await grants()).length, before_))

  test('by a form without the token, or with another session’s', async () => {
    const { browser, page } = await consentPage()
    const stranger = await consentPage()
    for (const csrf of ['', 'x', fieldOf(stranger.page, 'csrf')]) {
      assert.equal((await browser.post(page.url, form(page, { csrf }))).status, 403)
    }
  })

  test('by a form from another site', async () => {
    const { browser, page } = await consentPage()
    assert.equal((await browser.post(page.url, form(page), { origin: 'https://evil.example' })).status, 403)
    assert.equal((await browser.post(page.url, form(page), { 'sec-fetch-site': 'cross-site' })).status, 403)
    assert.equal((await browser.post(page.url, form(page), { 'sec-fetch-site': 'same-site' })).status, 403)
  })

  test('by looking at the page', async () => {
    const { browser, page } = await consentPage()
    await browser.get(`${page.url}?decision=allow&scope=read&csrf=${fieldOf(page, 'csrf')}`)
  })

  test('when the person refuses', async () => {
    const { browser, page, request } = await consentPage()
    const answer = await browser.follow(await browser.post(page.url, form(page, { decision: 'deny' })))
    const back = new URL(answer.location ?? '')
    assert.equal(back.searchParams.get('error'), 'access_denied')
    assert.equal(back.searchParams.get('state'), request.state)
    assert.equal(back.searchParams.get('iss'), world.publicUrl)
  })

  test('when nothing was ticked', async () => {
    const { browser, page } = await consentPage({ scope: 'execute' })
    const answer = await browser.follow(await browser.post(page.url, form(page)))
    assert.equal(new URL(answer.location ?? '').searchParams.get('error'), 'access_denied')
  })

  test('in another browser, with the consent’s own address', async () => {
    const { page } = await consentPage()
    const other = createBrowser(world.publicUrl)
    await signIn(other)
    assert.equal((await other.post(page.url, form(page))).status, 410)
  })

  test('by a session that has ended meanwhile', async () => {
    const { browser, page } = await consentPage()
    browser.forget('mttrly')
    assert.match((await browser.post(page.url, form(page))).location ?? '', /\/sign-in\?/)
  })
})

test('a request is answered once', async () => {
  const { browser, page } = await consentPage()
  await consent(browser, page)
  assert.equal((await browser.get(page.url)).status, 410)
})

test('unticking leaves a token that can only look', async () => {
  const { code, request } = await authorize(world, clientId, { scopes: ['read'] })
  const tokens = (await (await exchange(world, clientId, code, request.verifier)).json()) as Tokens
  assert.equal(tokens.scope, 'read')
  assert.equal(decodeJwt(tokens.access_token).scope, 'read')
  const principal = await world.oauth.verifyBearer(tokens.access_token)
  assert.deepEqual('scopes' in principal && principal.scopes, ['read'])
})

test('ticking what was not asked for grants nothing more', async () => {
  const { code, request } = await authorize(world, clientId, {
    changes: { scope: 'read' },
    scopes: ['read', 'execute'],
  })
  const tokens = (await (await exchange(world, clientId, code, request.verifier)).json()) as Tokens
  assert.equal(tokens.scope, 'read')
})

test('the broader scope implies the narrower', async () => {
  const { code, request } = await authorize(world, clientId, { changes: { scope: 'execute' } })
  const tokens = (await (await exchange(world, clientId, code, request.verifier)).json()) as Tokens
  const principal = await world.oauth.verifyBearer(tokens.access_token)
  assert.deepEqual('scopes' in principal && principal.scopes, ['read', 'execute'])
})

test('two people in one browser: the grant is of whoever consents', async () => {
  const { identity, owner } = world
  const password = 'another set of words'
  const wish = { email: 'second@example.com', password, role: 'operator' as const, workspaceId: owner.workspaceId }
  const second = await identity.accounts.createUser(wish)
  assert.ok('id' in second)
  const browser = createBrowser(world.publicUrl)
  await authorize(world, clientId, { browser })
  await browser.post('/sign-in', { email: second.email, password })
  const { code, request } = await authorize(world, clientId, { browser })
  const tokens = (await (await exchange(world, clientId, code, request.verifier)).json()) as Tokens
  const principal = await world.oauth.verifyBearer(tokens.access_token)
  assert.ok('userId' in principal)
  assert.deepEqual([principal.userId, principal.role], [second.id, 'operator'])
})

test('a second factor shows in the token', async (t) => {
  const own = await createWorld({ t, totp: true })
  const { client_id } = await registered(own)
  const browser = createBrowser(own.publicUrl)
  const asked = authorizationRequest(own, client_id)
  const page = await toConsent(browser, asked)
  assert.match(page.url, /\/sign-in\/second-factor\?next=/)
  const next = new URL(page.url).searchParams.get('next') ?? ''
  const code = codeAt(own.owner.totp?.secret ?? '', own.clock.now())
  const back = await consent(
    browser,
    await browser.follow(await browser.post('/sign-in/second-factor', { code, next })),
  )
  const answer = await exchange(own, client_id, back.searchParams.get('code') ?? '', asked.verifier)
  const claims = decodeJwt(((await answer.json()) as Tokens).access_token)
  assert.deepEqual(claims.amr, ['pwd', 'otp', 'mfa'])
  assert.equal(claims.acr, 'urn:mttrly:acr:multi')
})

test('letting a client act needs a sign-in of the last hour; letting it look does not', async (t) => {
  const own = await createWorld({ t })
  const { client_id } = await registered(own)
  const browser = createBrowser(own.publicUrl)
  await signIn(browser)
  const open = async (changes: Record<string, string> = {}) =>
    browser.follow(await browser.get(authorizationRequest(own, client_id, changes).url))
  own.clock.advance(59 * 60_000)
  const shown = await open()
  assert.match(shown.url, /\/oauth\/consent\//)
  own.clock.advance(2 * 60_000)
  assert.match((await open()).url, /\/sign-in\?again=1&next=/)
  assert.match((await open({ scope: 'read' })).url, /\/oauth\/consent\//)
  const answer = await browser.post(shown.url, { csrf: fieldOf(shown, 'csrf'), decision: 'allow', scope: 'execute' })
  assert.notEqual(answer.status, 200)
  assert.equal((await own.oauth.grants.list(own.owner.id)).length, 0)
})

test('a client may ask for a new sign-in', async (t) => {
  const own = await createWorld({ t })
  const { client_id } = await registered(own)
  const browser = createBrowser(own.publicUrl)
  own.clock.advance(-5_000)
  await signIn(browser)
  own.clock.advance(5_000)
  const old = await browser.follow(
    await browser.get(authorizationRequest(own, client_id, { scope: 'openid read', max_age: '0' }).url),
  )
  assert.match(old.url, /\/sign-in\?again=1&next=/)
})
