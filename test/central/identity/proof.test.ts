import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { evidenceFrom, type SessionView } from '../../../central/identity/identity.ts'
import { createAuthenticator } from './authenticator.ts'
import { createOwner, createPeople, type People, requestWith } from './people.ts'
import { codeAt } from './totp-codes.ts'

let people: People
beforeEach(async () => {
  people = await createPeople()
})
afterEach(() => people.close())

const STEP = 30_000
const DIGEST = 'approve sha256:aaaa'

async function sessionFor(userId: string): Promise<SessionView> {
  const cookie = await people.identity.sessions.open({ userId, amr: ['pwd'], from: requestWith() })
  const session = await people.identity.sessionOf(requestWith(cookie))
  assert.ok(session)
  return session
}

async function withTotp() {
  const owner = await createOwner(people, { totp: true })
  const session = await sessionFor(owner.id)
  const secret = owner.totp?.secret ?? ''
  const prove = (code: string) => people.identity.proveFresh(session, DIGEST, { kind: 'totp', code })
  return { session, secret, prove, now: () => people.clock.now() }
}

async function withPasskey(email?: string) {
  const account = email
    ? await people.identity.accounts.createUser({
        email,
        password: 'other unrelated words',
        role: 'approver',
        workspaceId: await people.firstWorkspace(),
      })
    : await createOwner(people)
  assert.ok('id' in account)
  const session = await sessionFor(account.id)
  const authenticator = createAuthenticator(people.publicUrl)
  const wish = await people.identity.passkeys.registrationOptions({ id: account.id, email: account.email })
  assert.ok(wish)
  assert.ok(await people.identity.passkeys.register(account.id, authenticator.register(wish), 'key'))
  const options = async (purpose = DIGEST) => {
    const given = await people.identity.passkeyOptions(session, purpose)
    assert.ok(given)
    return given
  }
  const prove = (response: unknown, purpose = DIGEST) =>
    people.identity.proveFresh(session, purpose, { kind: 'passkey', response })
  return { session, authenticator, options, prove }
}

const INVALID = { refused: 'TWO_FACTOR_INVALID' }

test('without a second factor there is no proof', async () => {
  const owner = await createOwner(people)
  const session = await sessionFor(owner.id)
  const result = await people.identity.proveFresh(session, DIGEST, { kind: 'totp', code: '123456' })
  assert.deepEqual(result, { refused: 'TWO_FACTOR_REQUIRED' })
  assert.equal(await people.identity.passkeyOptions(session, DIGEST), undefined)
})

test('a code is good once, within one step of its time', async () => {
  const { secret, prove, now } = await withTotp()
  const code = codeAt(secret, now())
  assert.equal(await prove(code), 'totp')
  assert.deepEqual(await prove(code), INVALID)
  people.clock.advance(10 * STEP)
  assert.deepEqual(await prove(codeAt(secret, now() - 2 * STEP)), INVALID)
  assert.deepEqual(await prove(codeAt(secret, now() + 2 * STEP)), INVALID)
  assert.equal(await prove(codeAt(secret, now() - STEP)), 'totp')
  assert.equal(await prove(codeAt(secret, now() + STEP)), 'totp')
  assert.deepEqual(await prove(codeAt(secret, now())), INVALID, 'an older step than one that was used')
})

test('the same code sent twice at once is good once', async () => {
  const { secret, prove, now } = await withTotp()
  const code = codeAt(secret, now())
  const results = await Promise.all([prove(code), prove(code), prove(code)])
  assert.equal(results.filter((result) => result === 'totp').length, 1)
})

test('a passkey answers for the purpose that its challenge was made for', async () => {
  const { authenticator, options, prove } = await withPasskey()
  const answer = authenticator.answer(await options())
  assert.deepEqual(await prove(answer, 'approve sha256:bbbb'), INVALID)
  assert.deepEqual(await prove(authenticator.answer(await options('sign-in'))), INVALID)
  assert.deepEqual(await prove(authenticator.answer(await options('second factor'))), INVALID)
})

test('a passkey proves presence', async () => {
  const { authenticator, options, prove } = await withPasskey()
  const answer = authenticator.answer(await options())
  assert.equal(await prove(answer), 'passkey')
  assert.deepEqual(await prove(answer), INVALID)
})

const FORGED = [
  ['another origin', { origin: 'https://evil.example' }],
  ['another party', { rpId: 'evil.example' }],
  ['a registration', { type: 'webauthn.create' }],
] as const

for (const [what, changes] of FORGED) {
  test(`a passkey's answer for ${what} is refused`, async () => {
    const { authenticator, options, prove } = await withPasskey()
    assert.deepEqual(await prove(authenticator.answer(await options(), changes)), INVALID)
  })
}

test('a counter that does not grow is a clone', async () => {
  const { authenticator, options, prove } = await withPasskey()
  assert.equal(await prove(authenticator.answer(await options(), { counter: 9 })), 'passkey')
  assert.deepEqual(await prove(authenticator.answer(await options(), { counter: 9 })), INVALID)
  assert.equal(await prove(authenticator.answer(await options(), { counter: 10 })), 'passkey')
})

test('a challenge ends by time', async () => {
  const { authenticator, options, prove } = await withPasskey()
  const answer = authenticator.answer(await options())
  people.clock.advance(5 * 60_000 + 1)
  assert.deepEqual(await prove(answer), INVALID)
})

test("another person's challenge and another person's passkey are refused", async () => {
  const mine = await withPasskey()
  const theirs = await withPasskey('approver@example.com')
  assert.deepEqual(await mine.prove(mine.authenticator.answer(await theirs.options())), INVALID)
  assert.deepEqual(await mine.prove(theirs.authenticator.answer(await mine.options())), INVALID)
})

test('a signature by another key is refused', async () => {
  const { authenticator, options, prove } = await withPasskey()
  const forged = createAuthenticator(people.publicUrl).answer(await options())
  assert.deepEqual(
    await prove({ ...forged, id: authenticator.credentialId, rawId: authenticator.credentialId }),
    INVALID,
  )
})

for (const junk of [undefined, null, 1, {}, { id: 'x' }, { id: 'x', rawId: 'x', type: 'public-key', response: {} }]) {
  test(`junk in place of a passkey's answer is refused: ${JSON.stringify(junk)}`, async () => {
    const { prove } = await withPasskey()
    assert.deepEqual(await prove(junk), INVALID)
  })
}

test('recovery codes: ten, each once, however they are typed; a new set ends the old', async () => {
  const { session } = await withTotp()
  const { recoveryCodes, proveFresh, factorsOf } = people.identity
  const codes = await recoveryCodes.replace(session.userId)
  assert.equal(new Set(codes).size, 10)
  const [first = '', second = '', third = ''] = codes
  assert.match(first, /^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/)
  const prove = (code: string) => proveFresh(session, DIGEST, { kind: 'recovery', code })
  assert.equal(await prove(first), 'recovery')
  assert.deepEqual(await prove(first), INVALID)
  assert.equal(await prove(second.toLowerCase().replaceAll('-', ' ')), 'recovery')
  assert.equal((await factorsOf(session.userId)).recoveryCodes, 8)
  await recoveryCodes.replace(session.userId)
  assert.deepEqual(await prove(third), INVALID)
  const rows = await people.db.kysely.selectFrom('recovery_codes').selectAll().execute()
  assert.ok(rows.every(({ hash }) => /^[0-9a-f]{64}$/.test(hash)))
})

test('five wrong proofs make the next one wait, right or wrong', async () => {
  const { secret, prove, now } = await withTotp()
  for (let at = 0; at < 5; at++) assert.deepEqual(await prove('000000'), INVALID)
  const result = await prove(codeAt(secret, now()))
  assert.ok(typeof result === 'object' && result.refused === 'RATE_LIMITED' && (result.retryAfterS ?? 0) > 0)
})

test("a sealed secret moved to another person's row does not open", async () => {
  await withTotp()
  const other = await people.identity.accounts.createUser({
    email: 'other@example.com',
    password: 'other unrelated words',
    role: 'approver',
    workspaceId: await people.firstWorkspace(),
  })
  assert.ok('id' in other)
  await people.db.kysely.updateTable('totp').set({ user_id: other.id }).execute()
  await assert.rejects(people.identity.totp.verify(other.id, '123456'))
})

test('TOTP counts from its first right code on, and a confirmed secret is not replaced', async () => {
  const owner = await createOwner(people)
  const { totp } = people.identity
  const first = await totp.begin(owner.id, owner.email, { confirmed: false })
  const second = await totp.begin(owner.id, owner.email, { confirmed: false })
  assert.ok(first && second)
  assert.match(second.uri, /^otpauth:\/\/totp\/mttrly:owner%40example\.com\?issuer=mttrly&secret=[A-Z2-7]{32}&/)
  assert.equal(await totp.enrolled(owner.id), false)
  assert.equal(await totp.verify(owner.id, codeAt(second.secret, people.clock.now())), false)
  assert.equal(await totp.confirm(owner.id, codeAt(first.secret, people.clock.now())), false)
  assert.equal(await totp.confirm(owner.id, codeAt(second.secret, people.clock.now())), true)
  assert.equal(await totp.enrolled(owner.id), true)
  assert.equal(
    await totp.verify(owner.id, codeAt(second.secret, people.clock.now())),
    false,
    'the confirming code is used',
  )
  assert.equal(await totp.begin(owner.id, owner.email, { confirmed: false }), undefined)
  assert.equal(await totp.waiting(owner.id, owner.email), undefined)
})

test('a form says what kind of evidence it holds', () => {
  assert.deepEqual(evidenceFrom({ code: '123 456' }), { kind: 'totp', code: '123456' })
  assert.deepEqual(evidenceFrom({ code: 'ABCD-EFGH' }), { kind: 'recovery', code: 'ABCD-EFGH' })
  assert.deepEqual(evidenceFrom({ passkey: '{"id":1}', code: '' }), { kind: 'passkey', response: { id: 1 } })
  assert.deepEqual(evidenceFrom({ passkey: 'not json' }), { kind: 'passkey', response: undefined })
  assert.equal(evidenceFrom({}), undefined)
  assert.equal(evidenceFrom({ code: ['1', '2'] }), undefined)
})
