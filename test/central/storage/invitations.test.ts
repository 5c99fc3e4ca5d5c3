import assert from 'node:assert/strict'
import { it } from 'node:test'
import { DEFAULT_POLICY } from '../../../central/domain/policy.ts'
import type { Role } from '../../../central/domain/principal.ts'
import type { Database } from '../../../central/storage/database.ts'
import { createInvitationsStore } from '../../../central/storage/invitations.ts'
import { createMembersStore } from '../../../central/storage/members.ts'
import { createUsersStore } from '../../../central/storage/users.ts'
import { createWorkspacesStore } from '../../../central/storage/workspaces.ts'
import { forEachDatabase } from './for-each-database.ts'

const NOW = 1_750_000_000_000
const END = NOW + 1000

async function withOwners(db: Database) {
  const workspaces = createWorkspacesStore(db)
  const wish = { plan: 'watchdog' as const, overrides: {}, policy: DEFAULT_POLICY, createdAt: NOW }
  const [home, other] = [
    await workspaces.create({ name: 'Home', ...wish }),
    await workspaces.create({ name: 'Other', ...wish }),
  ]
  const users = createUsersStore(db)
  for (const id of ['ann', 'bob']) {
    const membership = { workspaceId: home.id, role: 'owner' as const }
    await users.create({ ...person(id), email: `${id}@example.org` }, membership, { firstOwner: false })
  }
  const invitations = createInvitationsStore(db)
  const invite = (hash: string, changes: { email?: string; role?: Role; invited_by?: string | null } = {}) =>
    invitations.add({
      id: `inv_${hash}`,
      hash,
      workspace_id: home.id,
      email: `${hash}@example.org`,
      role: 'approver',
      invited_by: 'ann',
      created_at: NOW,
      expires_at: END,
      ...changes,
    })
  const state = async (hash: string, now = NOW) => (await invitations.find(hash, now))?.state
  return { home: home.id, other: other.id, users, members: createMembersStore(db), invitations, invite, state }
}

const person = (id: string) => ({ id, password_hash: 'x', disabled_at: null, created_at: NOW })

forEachDatabase('invitations', (open) => {
  it('is found by its hash with everything that the invited person must see', async () => {
    const { invitations, invite, home } = await withOwners(await open())
    await invite('cleo')
    assert.deepEqual(await invitations.find('cleo', NOW), {
      id: 'inv_cleo',
      workspaceId: home,
      workspaceName: 'Home',
      email: 'cleo@example.org',
      role: 'approver',
      invitedBy: { userId: 'ann', email: 'ann@example.org' },
      createdAt: NOW,
      expiresAt: END,
      state: 'open',
    })
    assert.equal(await invitations.find('nobody', NOW), undefined)
  })

  it('makes one member, of the workspace and the role that it names', async () => {
    const { invitations, invite, state, users, home } = await withOwners(await open())
    await invite('cleo')
    const both = await Promise.all([
      invitations.accept('cleo', person('one'), NOW),
      invitations.accept('cleo', person('two'), NOW),
    ])
    assert.deepEqual(both.toSorted(), ['dead', 'joined'])
    const made = await users.findByEmail('cleo@example.org')
    assert.deepEqual(await users.membership(made?.id ?? ''), { workspaceId: home, role: 'approver' })
    assert.equal(await state('cleo'), 'used')
    assert.equal(await invitations.withdraw(home, 'inv_cleo', NOW), false)
  })

  it('ends by time, by being withdrawn, and by a newer one to the same address', async () => {
    const { invitations, invite, state, home, other } = await withOwners(await open())
    for (const hash of ['late', 'back', 'open']) await invite(hash)
    await invite('old', { email: 'dora@example.org' })
    await invite('new', { email: 'dora@example.org' })
    assert.equal(await invitations.withdraw(other, 'inv_back', NOW), false)
    assert.equal(await invitations.withdraw(home, 'inv_back', NOW), true)
    assert.equal(await invitations.withdraw(home, 'inv_back', NOW), false)
    assert.equal(await state('late', END), 'expired')
    assert.equal(await state('back'), 'withdrawn')
    assert.equal(await state('old'), 'withdrawn')
    for (const [hash, at] of [
      ['late', END],
      ['back', NOW],
      ['old', NOW],
    ] as const)
      assert.equal(await invitations.accept(hash, person(hash), at), 'dead')
    const listed = (await invitations.open(home, NOW)).map(({ id }) => id)
    assert.deepEqual(listed, ['inv_late', 'inv_new', 'inv_open'])
    assert.deepEqual(await invitations.open(other, NOW), [])
    assert.deepEqual(await invitations.open(home, END), [])
  })

  it('ends with the standing of who invited; the command line’s stands by itself', async () => {
    const { invitations, invite, state, users, members, home } = await withOwners(await open())
    await invite('a')
    await invite('b', { invited_by: 'bob' })
    await invite('c', { invited_by: null })
    assert.equal(await users.setDisabled('ann', NOW), true)
    assert.equal(await state('a'), 'withdrawn')
    assert.equal(await invitations.accept('a', person('a'), NOW), 'dead')
    assert.equal(await users.setDisabled('ann', null), true)
    await members.set({ workspaceId: home, userId: 'bob', role: 'approver', now: NOW })
    assert.deepEqual([await state('b'), await state('c')], ['withdrawn', 'open'])
    assert.deepEqual(
      (await invitations.open(home, NOW)).map(({ id }) => id),
      ['inv_a', 'inv_c'],
    )
    assert.equal(await invitations.accept('c', person('c'), NOW), 'joined')
  })

  it('makes nobody where there is an account, and is not used up by that', async () => {
    const { invitations, invite, state, users } = await withOwners(await open())
    await invite('again', { email: 'bob@example.org' })
    assert.equal(await invitations.accept('again', person('thief'), NOW), 'taken')
    assert.equal(await users.get('thief'), undefined)
    assert.equal(await state('again'), 'open')
  })

  it('forgets what ended long ago', async () => {
    const { invitations, invite, state } = await withOwners(await open())
    await invite('cleo')
    await invitations.prune(END - 1)
    assert.equal(await state('cleo'), 'open')
    await invitations.prune(END)
    assert.equal(await state('cleo'), undefined)
  })
})
