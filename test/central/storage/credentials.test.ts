// What may happen once happens once, on both databases: people, second factors, one-time secrets, attempts, keys, and
// the authorization server's records.
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { createApiKeysStore } from '../../../central/storage/api-keys.ts'
import { createAttemptsStore } from '../../../central/storage/attempts.ts'
import type { Database } from '../../../central/storage/database.ts'
import { createOAuthStore } from '../../../central/storage/oauth.ts'
import { createOneTimeStore } from '../../../central/storage/one-time.ts'
import { createSecondFactorsStore } from '../../../central/storage/second-factors.ts'
import { createSessionsStore } from '../../../central/storage/sessions.ts'
import { createUsersStore } from '../../../central/storage/users.ts'
import { createWorkspacesStore } from '../../../central/storage/workspaces.ts'
import { forEachDatabase } from './for-each-database.ts'

const NOW = 1_750_000_000_000

const times = async <T>(count: number, work: (at: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, at) => work(at)))

forEachDatabase('credentials', (open) => {
  let db: Database
  let workspaceId: string

  const user = (id: string, email = `${id}@example.com`) => ({
    id,
    email,
    password_hash: null,
    disabled_at: null,
    created_at: NOW,
  })
  const addUser = (id: string, email?: string) =>
    createUsersStore(db).create(user(id, email), { workspaceId, role: 'operator' }, { firstOwner: false })

  beforeEach(async () => {
    db = await open()
    const policy = { read_only: false, two_person: false, denied_programs: [] }
    const wish = { name: 'w', plan: 'watchdog' as const, overrides: {}, policy, createdAt: NOW }
    workspaceId = (await createWorkspacesStore(db).create(wish)).id
  })

  test('an address has one account, and a refused one leaves no membership', async () => {
    const users = createUsersStore(db)
    assert.equal(await addUser('a', 'A@Example.com'), true)
    assert.equal(await addUser('b', 'a@example.COM'), false)
    assert.equal((await users.findByEmail('a@EXAMPLE.com'))?.id, 'a')
    assert.deepEqual(await users.membership('a'), { workspaceId, role: 'operator' })
    assert.equal(await users.membership('b'), undefined)
  })

  test('a first owner is made where there is none', async () => {
    const users = createUsersStore(db)
    assert.equal(await users.ownerExists(), false)
    assert.equal(await users.create(user('a'), { workspaceId, role: 'owner' }, { firstOwner: true }), true)
    assert.equal(await users.create(user('b'), { workspaceId, role: 'owner' }, { firstOwner: true }), false)
    assert.equal(await users.get('b'), undefined)
  })

  test('a time step, a recovery code and a counter are used once', async () => {
    await addUser('a')
    const { totp, recoveryCodes, passkeys } = createSecondFactorsStore(db)
    const secret = Buffer.from([1, 2, 3])
    assert.equal(await totp.put({ user_id: 'a', secret, confirmed_at: null, last_step: 0 }), true)
    assert.equal(await totp.put({ user_id: 'a', secret: Buffer.from([4]), confirmed_at: null, last_step: 0 }), true)
    assert.deepEqual(Buffer.from((await totp.get('a'))?.secret ?? []), Buffer.from([4]))
    assert.equal((await times(5, () => totp.useStep('a', 7, NOW))).filter(Boolean).length, 1)
    assert.equal(await totp.useStep('a', 6, undefined), false)
    assert.equal(await totp.put({ user_id: 'a', secret, confirmed_at: null, last_step: 0 }), false)

    await recoveryCodes.replace('a', ['x', 'y'])
    assert.equal((await times(5, () => recoveryCodes.use('a', 'x', NOW))).filter(Boolean).length, 1)
    assert.equal(await recoveryCodes.left('a'), 1)

    const row = {
      id: 'p',
      user_id: 'a',
      credential_id: 'c',
      public_key: secret,
      counter: 3,
      transports: '[]',
      name: 'n',
    }
    assert.equal(await passkeys.add({ ...row, created_at: NOW, last_used_at: null }), true)
    assert.equal(await passkeys.add({ ...row, id: 'q', created_at: NOW, last_used_at: null }), false)
    assert.equal((await times(5, () => passkeys.used('p', 3, 4, NOW))).filter(Boolean).length, 1)
    assert.equal(await passkeys.remove('b', 'p'), false)
    assert.equal(await passkeys.remove('a', 'p'), true)
  })

  test('a one-time secret has one taker, its purpose, and its time', async () => {
    const oneTime = createOneTimeStore(db)
    const thing = { purpose: 'link', userId: null, payload: { a: [1, 'x', null] }, expiresAt: NOW + 10 }
    await oneTime.add('h', thing)
    assert.equal(await oneTime.take('h', 'other', NOW), undefined)
    assert.deepEqual(await oneTime.peek('h', 'link', NOW), thing)
    const taken = await times(5, () => oneTime.take('h', 'link', NOW))
    assert.deepEqual(taken.filter(Boolean), [thing])
    await oneTime.add('late', thing)
    assert.equal(await oneTime.peek('late', 'link', NOW + 10), undefined)
    assert.equal(await oneTime.take('late', 'link', NOW + 10), undefined)
  })

  test('of attempts at the same moment each is counted', async () => {
    const attempts = createAttemptsStore(db)
    const after = { subject: 's', count: 1, window_ends_at: NOW }
    assert.equal((await times(5, () => attempts.replace(undefined, after))).filter(Boolean).length, 1)
    assert.equal(
      (await times(5, (at) => attempts.replace(after, { ...after, count: 2 + at }))).filter(Boolean).length,
      1,
    )
  })

  test('a session is found by its hash while its person is enabled', async () => {
    await addUser('a')
    const sessions = createSessionsStore(db)
    const session = {
      id: 's',
      hash: 'h',
      user_id: 'a',
      created_at: NOW,
      last_seen_at: NOW,
      expires_at: NOW + 100,
      authenticated_at: NOW,
      amr: ['pwd', 'otp'],
      user_agent: 'x',
    }
    await sessions.add(session)
    const found = await sessions.find('h')
    assert.deepEqual(found, { session, email: 'a@example.com', workspaceId, role: 'operator' })
    await createUsersStore(db).setDisabled('a', NOW)
    assert.equal(await sessions.find('h'), undefined)
    await sessions.prune(NOW + 100, NOW - 1)
    assert.deepEqual(await sessions.list('a'), [])
  })

  test('an API key is found with its person and role, and revoked once', async () => {
    await addUser('a')
    const keys = createApiKeysStore(db)
    const key = {
      id: 'k',
      hash: 'h',
      user_id: 'a',
      workspace_id: workspaceId,
      name: 'n',
      scopes: ['read' as const],
      created_at: NOW,
      expires_at: NOW + 1,
      revoked_at: null,
      last_used_at: null,
    }
    await keys.add(key)
    assert.deepEqual(await keys.find('h'), { key, email: 'a@example.com', disabledAt: null, role: 'operator' })
    assert.equal((await times(3, () => keys.revoke('a', 'k', NOW))).filter(Boolean).length, 1)
    assert.equal((await keys.list('a'))[0]?.revoked_at, NOW)
  })

  test('a record is consumed once, ends by time, and goes with its grant', async () => {
    await addUser('a')
    const { records, grants } = createOAuthStore(db)
    await grants.add({
      id: 'g',
      user_id: 'a',
      workspace_id: workspaceId,
      client_id: 'c',
      client_name: 'n',
      scopes: ['read', 'execute'],
      created_at: NOW,
      last_used_at: null,
      revoked_at: null,
    })
    await records.put(
      'AuthorizationCode',
      'code',
      { grantId: 'g', x: undefined, deep: { y: undefined, z: 1 } },
      NOW + 10,
    )
    await records.put('Grant', 'g', { accountId: 'a' }, NOW + 10)
    assert.deepEqual((await records.find('AuthorizationCode', { id: 'code' }, NOW))?.payload, {
      grantId: 'g',
      deep: { z: 1 },
    })
    assert.equal(await records.find('RefreshToken', { id: 'code' }, NOW), undefined)
    assert.equal((await times(5, () => records.consume('AuthorizationCode', 'code', NOW))).filter(Boolean).length, 1)
    await records.put('AuthorizationCode', 'code', { grantId: 'g' }, NOW + 10)
    assert.equal(
      (await records.find('AuthorizationCode', { id: 'code' }, NOW))?.consumedAt,
      NOW,
      'saving does not unconsume',
    )
    assert.equal(await records.find('AuthorizationCode', { id: 'code' }, NOW + 10), undefined)

    assert.equal((await times(3, () => grants.revoke('g', NOW))).filter(Boolean).length, 1)
    assert.equal(await records.find('AuthorizationCode', { id: 'code' }, NOW), undefined)
    assert.equal(await records.find('Grant', { id: 'g' }, NOW), undefined)
    assert.equal((await grants.find('g'))?.grant.revoked_at, NOW)
    assert.deepEqual(await grants.list('a'), [])
  })

  test('records are found by uid and pruned by time', async () => {
    const { records } = createOAuthStore(db)
    await records.put('Session', 's', { uid: 'u' }, NOW + 10)
    await records.put('Client', 'c', { client_id: 'c' }, null)
    assert.deepEqual((await records.find('Session', { uid: 'u' }, NOW))?.payload, { uid: 'u' })
    await records.expireAt('Client', 'c', NOW + 5)
    await records.prune(NOW + 7)
    assert.equal(await records.find('Client', { id: 'c' }, NOW), undefined)
    assert.ok(await records.find('Session', { id: 's' }, NOW + 7))
  })
})
