import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { createAuthenticator } from './authenticator.ts'
import { createOwner, createPeople, createSecondOwner, OWNER, PASSWORD, type People, requestWith } from './people.ts'
import { codeAt } from './totp-codes.ts'

let people: People
beforeEach(async () => {
  people = await createPeople()
})
afterEach(() => people.close())

const door = (...cookies: string[]) => ({ address: '192.0.2.1', from: requestWith(...cookies) })

const passwordStep = async (password = PASSWORD, email = OWNER, address = '192.0.2.1') =>
  people.identity.signIn.withPassword(email, password, { ...door(), address })

test('the right password opens a session; its cookie is not in the database', async () => {
  const owner = await createOwner(people)
  const result = await passwordStep()
  assert.equal(result.kind, 'signed_in')
  assert.ok(result.kind === 'signed_in')
  assert.match(result.setCookie, /^mttrly=[A-Za-z0-9_-]{43}; Max-Age=604800; Path=\/; HttpOnly; SameSite=Lax$/)
  const session = await people.identity.sessionOf(requestWith(result.setCookie))
  assert.equal(session?.userId, owner.id)
  assert.equal(session?.role, 'owner')
  assert.deepEqual(session?.amr, ['pwd'])
  const value = /=([^;]+)/.exec(result.setCookie)?.[1] ?? ''
  const rows = await people.db.kysely.selectFrom('sessions').selectAll().execute()
  assert.ok(!JSON.stringify(rows).includes(value))
})

test('over https the cookie is bound to the host', async () => {
  const secure = await createPeople({ publicUrl: 'https://central.example' })
  await createOwner(secure)
  const result = await secure.identity.signIn.withPassword(OWNER, PASSWORD, door())
  assert.ok(result.kind === 'signed_in')
  assert.match(result.setCookie, /^__Host-mttrly=.*; Path=\/; HttpOnly; SameSite=Lax; Secure$/)
  await secure.close()
})

test('wrong password, unknown name and disabled account answer alike', async () => {
  const owner = await createOwner(people)
  const wrong = await passwordStep('not the password at all')
  const unknown = await passwordStep(PASSWORD, 'nobody@example.com')
  await createSecondOwner(people)
  assert.ok(await people.identity.accounts.setDisabled(owner.id, true))
  const disabled = await passwordStep()
  assert.deepEqual(wrong, { kind: 'refused', why: 'wrong' })
  assert.deepEqual(unknown, wrong)
  assert.deepEqual(disabled, wrong)
})

test('after five wrong passwords an account waits, twice as long each time, and the right one does not help before', async () => {
  await createOwner(people)
  for (let at = 0; at < 5; at++) assert.deepEqual(await passwordStep('wrong words'), { kind: 'refused', why: 'wrong' })
  const locked = await passwordStep()
  assert.ok(locked.kind === 'refused' && locked.why === 'throttled' && locked.retryAfterS > 25)
  people.clock.advance(30_000)
  assert.deepEqual(await passwordStep('wrong words'), { kind: 'refused', why: 'wrong' })
  people.clock.advance(31_000)
  assert.equal((await passwordStep()).kind, 'refused', 'the second wait is longer than the first')
  people.clock.advance(30_000)
  assert.equal((await passwordStep()).kind, 'signed_in')
  assert.equal((await passwordStep('wrong words')).kind, 'refused')
  assert.equal((await passwordStep()).kind, 'signed_in', 'success forgot the count')
})

test('guesses sent at the same moment do not pass together', async () => {
  await createOwner(people)
  const results = await Promise.all(Array.from({ length: 12 }, (_, at) => passwordStep(`guess ${at}`)))
  const looked = results.filter((result) => result.kind === 'refused' && result.why === 'wrong')
  assert.equal(looked.length, 5)
})

test('an address that tries many accounts waits, too; successes do not count against it', async () => {
  await createOwner(people)
  for (let at = 0; at < 25; at++) assert.equal((await passwordStep()).kind, 'signed_in')
  for (let at = 0; at < 20; at++) await passwordStep('wrong words', `person${at}@example.com`)
  const spray = await passwordStep('wrong words', 'another@example.com')
  assert.ok(spray.kind === 'refused' && spray.why === 'throttled')
  assert.equal((await passwordStep(PASSWORD, OWNER, '192.0.2.2')).kind, 'signed_in')
})

test('with a second factor the password alone opens nothing', async () => {
  const owner = await createOwner(people, { totp: true })
  const step = await passwordStep()
  assert.ok(step.kind === 'second_factor')
  assert.equal(await people.identity.sessionOf(requestWith(step.setCookie)), undefined)
  const { signIn } = people.identity
  assert.deepEqual(await signIn.secondStep(requestWith(step.setCookie)), {
    totp: true,
    passkeys: false,
    recoveryCodes: 0,
  })
  const code = codeAt(owner.totp?.secret ?? '', people.clock.now())
  const result = await signIn.withSecondFactor({ kind: 'totp', code }, door(step.setCookie))
  assert.ok(result.kind === 'signed_in')
  const session = await people.identity.sessionOf(requestWith(result.setCookie))
  assert.deepEqual(session?.amr, ['pwd', 'otp', 'mfa'])
})

test('the half-done sign-in ends by use, by time, and is bound to its browser', async () => {
  const owner = await createOwner(people, { totp: true })
  const secret = owner.totp?.secret ?? ''
  const { signIn } = people.identity
  const step = await passwordStep()
  assert.ok(step.kind === 'second_factor')
  const again = { kind: 'refused', why: 'start_again' }
  const code = () => ({ kind: 'totp' as const, code: codeAt(secret, people.clock.now()) })
  assert.deepEqual(await signIn.withSecondFactor(code(), door()), again)
  assert.equal((await signIn.withSecondFactor(code(), door(step.setCookie))).kind, 'signed_in')
  people.clock.advance(60_000)
  assert.deepEqual(await signIn.withSecondFactor(code(), door(step.setCookie)), again)
  const late = await passwordStep()
  assert.ok(late.kind === 'second_factor')
  people.clock.advance(11 * 60_000)
  assert.deepEqual(await signIn.withSecondFactor(code(), door(late.setCookie)), again)
})

test('codes are guessed five times, then wait', async () => {
  await createOwner(people, { totp: true })
  const step = await passwordStep()
  assert.ok(step.kind === 'second_factor')
  for (let at = 0; at < 5; at++) {
    const result = await people.identity.signIn.withSecondFactor({ kind: 'totp', code: '000000' }, door(step.setCookie))
    assert.deepEqual(result, { kind: 'refused', why: 'wrong' })
  }
  const locked = await people.identity.signIn.withSecondFactor({ kind: 'totp', code: '000000' }, door(step.setCookie))
  assert.ok(locked.kind === 'refused' && locked.why === 'throttled')
})

test('a new sign-in ends the session that the browser had', async () => {
  await createOwner(people)
  const first = await passwordStep()
  assert.ok(first.kind === 'signed_in')
  const second = await people.identity.signIn.withPassword(OWNER, PASSWORD, door(first.setCookie))
  assert.ok(second.kind === 'signed_in')
  assert.notEqual(first.setCookie, second.setCookie)
  assert.equal(await people.identity.sessionOf(requestWith(first.setCookie)), undefined)
  assert.ok(await people.identity.sessionOf(requestWith(second.setCookie)))
})

test('a passkey alone signs in when it has verified its user', async () => {
  const owner = await createOwner(people)
  const { passkeys, signIn, sessionOf } = people.identity
  const authenticator = createAuthenticator(people.publicUrl)
  const wish = await passkeys.registrationOptions({ id: owner.id, email: owner.email })
  assert.ok(wish && (await passkeys.register(owner.id, authenticator.register(wish), 'key')))
  const unverified = authenticator.answer(await signIn.passkeyOptions(), { verified: false })
  assert.equal((await signIn.withPasskey(unverified, door())).kind, 'refused')
  const answer = authenticator.answer(await signIn.passkeyOptions())
  const result = await signIn.withPasskey(answer, door())
  assert.ok(result.kind === 'signed_in')
  assert.deepEqual((await sessionOf(requestWith(result.setCookie)))?.amr, ['hwk', 'user', 'mfa'])
  assert.equal((await signIn.withPasskey(answer, door())).kind, 'refused', 'a challenge is answered once')
})

test('nothing secret is logged', async () => {
  const owner = await createOwner(people, { totp: true })
  const step = await passwordStep()
  assert.ok(step.kind === 'second_factor')
  const code = codeAt(owner.totp?.secret ?? '', people.clock.now())
  const result = await people.identity.signIn.withSecondFactor({ kind: 'totp', code }, door(step.setCookie))
  assert.ok(result.kind === 'signed_in')
  const text = people.logged.join('')
  assert.match(text, /signed in/)
  const tokens = [step.setCookie, result.setCookie].map((cookie) => /=([^;]+)/.exec(cookie)?.[1] ?? '')
  for (const secret of [PASSWORD, `"${code}"`, ...tokens]) assert.ok(!text.includes(secret))
})
