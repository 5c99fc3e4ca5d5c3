import assert from 'node:assert/strict'
import { it } from 'node:test'
import { DEFAULT_POLICY } from '../../../central/domain/policy.ts'
import type { Database } from '../../../central/storage/database.ts'
import { createMembersStore } from '../../../central/storage/members.ts'
import { createUsersStore } from '../../../central/storage/users.ts'
import { createWorkspacesStore } from '../../../central/storage/workspaces.ts'
import { forEachDatabase } from './for-each-database.ts'

const now = 1_750_000_000_000

async function withPeople(db: Database) {
  const create = (name: string) =>
    createWorkspacesStore(db).create({ name, plan: 'watchdog', overrides: {}, policy: DEFAULT_POLICY, createdAt: now })
  const [home, other] = [await create('Home'), await create('Other')]
  for (const id of ['ann', 'bob']) {
    const person = { id, email: `${id}@example.org`, password_hash: null, disabled_at: null, created_at: now }
    await db.kysely.insertInto('users').values(person).execute()
  }
  return { members: createMembersStore(db), home: home.id, other: other.id }
}

forEachDatabase('members', (open) => {
  it('knows a role in one workspace and not in the other', async () => {
    const { members, home, other } = await withPeople(await open())
    await members.set({ workspaceId: home, userId: 'ann', role: 'owner', now })
    await members.set({ workspaceId: home, userId: 'bob', role: 'viewer', now: now + 1 })
    await members.set({ workspaceId: home, userId: 'bob', role: 'approver', now: now + 2 })
    assert.equal(await members.role(home, 'bob'), 'approver')
    assert.equal(await members.role(other, 'bob'), undefined)
    assert.deepEqual(await members.list(home), [
      { userId: 'ann', email: 'ann@example.org', role: 'owner', createdAt: now, disabledAt: null },
      { userId: 'bob', email: 'bob@example.org', role: 'approver', createdAt: now + 1, disabledAt: null },
    ])
    assert.deepEqual(await members.list(other), [])
  })

  it('removes a member once', async () => {
    const { members, home } = await withPeople(await open())
    await members.set({ workspaceId: home, userId: 'bob', role: 'viewer', now })
    assert.equal(await members.remove(home, 'bob'), 'removed')
    assert.equal(await members.remove(home, 'bob'), 'not_a_member')
    assert.equal(await members.role(home, 'bob'), undefined)
  })

  it('leaves a workspace its last owner, whoever leaves at the same time', async () => {
    const { members, home } = await withPeople(await open())
    for (const userId of ['ann', 'bob']) await members.set({ workspaceId: home, userId, role: 'owner', now })
    const left = await Promise.all([
      members.remove(home, 'ann'),
      members.set({ workspaceId: home, userId: 'bob', role: 'viewer', now }),
    ])
    assert.equal(left.filter((answer) => answer === 'last_owner').length, 1)
    const owners = (await members.list(home)).filter(({ role }) => role === 'owner')
    assert.equal(owners.length, 1)
  })

  it('does not count a disabled owner as one, whoever is disabled at the same time', async () => {
    const db = await open()
    const { members, home } = await withPeople(db)
    const users = createUsersStore(db)
    for (const userId of ['ann', 'bob']) await members.set({ workspaceId: home, userId, role: 'owner', now })
    const disabled = await Promise.all([users.setDisabled('ann', now), users.setDisabled('bob', now)])
    assert.equal(disabled.filter(Boolean).length, 1)
    const left = (await members.list(home)).find(({ disabledAt }) => disabledAt === null)
    assert.equal(
      await members.set({ workspaceId: home, userId: left?.userId ?? '', role: 'viewer', now }),
      'last_owner',
    )
    assert.equal(await members.remove(home, left?.userId ?? ''), 'last_owner')
  })
})
