import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { createOwner, createPeople, createSecondOwner, OWNER, PASSWORD, type People, requestWith } from './people.ts'

let people: People
beforeEach(async () => {
  people = await createPeople()
})
afterEach(() => people.close())

const HOUR = 3_600_000

async function setupToken(): Promise<string> {
  const link = await people.identity.accounts.createSetupLink()
  const url = new URL(link ?? '')
  assert.equal(url.origin + url.pathname + url.search, 'http://localhost:4000/setup')
  return url.hash.slice(1)
}

const setUp = (token: string, changes: Partial<{ email: string; password: string }> = {}) =>
  people.identity.accounts.setUp({ token, email: OWNER, password: PASSWORD, address: '192.0.2.1', ...changes })

test('the set-up link makes the owner, once', async () => {
  const token = await setupToken()
  const account = await setUp(token)
  assert.ok('id' in account)
  assert.equal(account.role, 'owner')
  const again = await setUp(token, { email: 'second@example.com' })
  assert.equal('refused' in again && again.refused, 'link')
  assert.equal(await people.identity.accounts.createSetupLink(), undefined)
})

test('two people with the same link at the same moment: one owner', async () => {
  const token = await setupToken()
  const results = await Promise.all([setUp(token), setUp(token, { email: 'second@example.com' })])
  assert.equal(results.filter((result) => 'id' in result).length, 1)
})

test('a new link ends the old one; a link ends after a day', async () => {
  const old = await setupToken()
  const fresh = await setupToken()
  const refused = await setUp(old)
  assert.equal('refused' in refused && refused.refused, 'link')
  people.clock.advance(24 * HOUR)
  const late = await setUp(fresh)
  assert.equal('refused' in late && late.refused, 'link')
})

test('a weak password or a bad address does not use the link up', async () => {
  const token = await setupToken()
  const weak = await setUp(token, { password: 'password1234' })
  assert.equal('refused' in weak && weak.refused, 'password')
  const bad = await setUp(token, { email: 'not an address' })
  assert.equal('refused' in bad && bad.refused, 'email')
  assert.ok('id' in (await setUp(token)))
})

test('once there is an owner an old link makes no second one, nor does the command line', async () => {
  const token = await setupToken()
  await createOwner(people)
  const late = await setUp(token, { email: 'second@example.com' })
  assert.ok('refused' in late)
  const second = await people.identity.accounts.createOwner({
    email: 'second@example.com',
    password: PASSWORD,
    totp: false,
  })
  assert.equal('refused' in second && second.refused, 'owner_exists')
})

test('tokens are guessed twenty times, then the address waits', async () => {
  await setupToken()
  for (let at = 0; at < 20; at++) {
    const result = await setUp(`guess${at}`)
    assert.equal('refused' in result && result.refused, 'link')
  }
  const result = await setUp('guess')
  assert.equal('refused' in result && result.refused, 'throttled')
})

test('the token is not stored, only its hash', async () => {
  const token = await setupToken()
  const rows = await people.db.kysely.selectFrom('one_time').selectAll().execute()
  assert.equal(rows.length, 1)
  assert.ok(!JSON.stringify(rows).includes(token))
})

test('an address has one account, however it is written', async () => {
  const owner = await createOwner(people)
  const wish = {
    email: 'Owner@Example.com',
    password: PASSWORD,
    role: 'viewer' as const,
    workspaceId: owner.workspaceId,
  }
  const twin = await people.identity.accounts.createUser(wish)
  assert.equal('refused' in twin && twin.refused, 'taken')
  assert.equal((await people.identity.accounts.find('OWNER@example.com'))?.id, owner.id)
})

test('a changed password ends other sessions and not this one', async () => {
  const owner = await createOwner(people)
  const open = () => people.identity.sessions.open({ userId: owner.id, amr: ['pwd'], from: requestWith() })
  const [here, there] = [await open(), await open()]
  const session = await people.identity.sessionOf(requestWith(here))
  assert.ok(session)
  const { changePassword } = people.identity.accounts
  assert.equal((await changePassword(session, 'wrong words', 'entirely different words'))?.refused, 'password')
  assert.equal((await changePassword(session, PASSWORD, 'short'))?.refused, 'password')
  assert.equal(await changePassword(session, PASSWORD, 'entirely different words'), undefined)
  assert.ok(await people.identity.sessionOf(requestWith(here)))
  assert.equal(await people.identity.sessionOf(requestWith(there)), undefined)
})

test('sessions end by themselves: unused for twelve hours, or after a week', async () => {
  const owner = await createOwner(people)
  const open = () => people.identity.sessions.open({ userId: owner.id, amr: ['pwd'], from: requestWith() })
  const idle = await open()
  people.clock.advance(12 * HOUR)
  assert.equal(await people.identity.sessionOf(requestWith(idle)), undefined)
  const busy = await open()
  for (let at = 0; at < 16; at++) {
    assert.ok(await people.identity.sessionOf(requestWith(busy)))
    people.clock.advance(11 * HOUR)
  }
  assert.equal(await people.identity.sessionOf(requestWith(busy)), undefined)
})

test('sessions are listed and ended, one or all, by their owner alone', async () => {
  const owner = await createOwner(people)
  const { sessions, sessionOf, accounts } = people.identity
  const open = () => sessions.open({ userId: owner.id, amr: ['pwd'], from: requestWith() })
  const cookies = [await open(), await open(), await open()]
  const list = await sessions.list(owner.id)
  assert.equal(list.length, 3)
  assert.equal(list[0]?.userAgent, 'test')
  assert.equal(await sessions.end('usr_somebody', list[0]?.id ?? ''), false)
  const first = await sessionOf(requestWith(cookies[0] ?? ''))
  assert.equal(await sessions.end(owner.id, first?.id ?? ''), true)
  assert.equal(await sessionOf(requestWith(cookies[0] ?? '')), undefined)
  await sessions.endAll(owner.id)
  assert.equal((await sessions.list(owner.id)).length, 0)
  const more = await open()
  assert.equal(await accounts.setDisabled(owner.id, true), false, 'the last owner stays')
  assert.ok(await sessionOf(requestWith(more)))
  await createSecondOwner(people)
  assert.equal(await accounts.setDisabled(owner.id, true), true)
  assert.equal(await sessionOf(requestWith(more)), undefined)
})

test('each session has its own form token', async () => {
  const owner = await createOwner(people)
  const open = () => people.identity.sessions.open({ userId: owner.id, amr: ['pwd'], from: requestWith() })
  const [a, b] = [
    await people.identity.sessionOf(requestWith(await open())),
    await people.identity.sessionOf(requestWith(await open())),
  ]
  assert.ok(a && b && a.csrf !== b.csrf && a.csrf.length === 43)
})

test('what ended is removed', async () => {
  const owner = await createOwner(people)
  await people.identity.sessions.open({ userId: owner.id, amr: ['pwd'], from: requestWith() })
  await people.identity.signIn.passkeyOptions()
  await people.identity.signIn.withPassword('x@example.com', 'wrong', { address: '192.0.2.9', from: requestWith() })
  people.clock.advance(8 * 24 * HOUR)
  await people.identity.prune()
  for (const table of ['sessions', 'one_time', 'attempts'] as const) {
    assert.equal((await people.db.kysely.selectFrom(table).selectAll().execute()).length, 0, table)
  }
})
