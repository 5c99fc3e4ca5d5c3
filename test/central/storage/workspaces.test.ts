import assert from 'node:assert/strict'
import { it } from 'node:test'
import { DEFAULT_POLICY } from '../../../central/domain/policy.ts'
import { createWorkspacesStore } from '../../../central/storage/workspaces.ts'
import { forEachDatabase } from './for-each-database.ts'

const home = {
  name: 'Home',
  plan: 'deployment_crew' as const,
  overrides: { servers: null },
  policy: DEFAULT_POLICY,
  createdAt: 1_750_000_000_000,
}

forEachDatabase('workspaces', (open) => {
  it('keeps what it was given', async () => {
    const workspaces = createWorkspacesStore(await open())
    const created = await workspaces.create(home)
    assert.match(created.id, /^wsp_[0-9a-f]{32}$/)
    assert.deepEqual(created, { ...home, id: created.id })
    assert.deepEqual(await workspaces.get(created.id), created)
    assert.deepEqual(await workspaces.list(), [created])
    assert.equal(await workspaces.get('wsp_none'), undefined)
  })

  it('gives programs that start side by side the same first workspace', async () => {
    const db = await open()
    const firsts = await Promise.all(Array.from({ length: 8 }, () => createWorkspacesStore(db).first(() => home)))
    assert.equal(new Set(firsts.map(({ id }) => id)).size, 1)
    assert.equal((await createWorkspacesStore(db).list()).length, 1)
  })

  it('replaces plan, overrides and policy of that workspace alone', async () => {
    const workspaces = createWorkspacesStore(await open())
    const other = await workspaces.create({ ...home, name: 'Other', createdAt: home.createdAt - 1 })
    const { id } = await workspaces.create(home)
    const policy = { read_only: true, two_person: true, denied_programs: ['mkfs'] }
    assert.equal(await workspaces.setPlan(id, 'watchdog'), true)
    assert.equal(await workspaces.setOverrides(id, { log_lines: 70 }), true)
    assert.equal(await workspaces.setPolicy(id, policy), true)
    assert.deepEqual(await workspaces.list(), [
      other,
      { ...home, id, plan: 'watchdog', overrides: { log_lines: 70 }, policy },
    ])
    assert.equal(await workspaces.setPlan('wsp_none', 'watchdog'), false)
  })

  it('refuses what is not a policy or a limit, on the way in and on the way out', async () => {
    const db = await open()
    const workspaces = createWorkspacesStore(db)
    const { id } = await workspaces.create(home)
    await assert.rejects(async () => workspaces.setOverrides(id, { servers: -1 }), { name: 'ZodError' })
    await assert.rejects(async () => workspaces.setPolicy(id, { ...DEFAULT_POLICY, denied_programs: [''] }), {
      name: 'ZodError',
    })
    assert.deepEqual(await workspaces.get(id), { ...home, id })
    await db.kysely.updateTable('workspaces').set({ policy: '{"read_only":"no"}' }).execute()
    await assert.rejects(workspaces.get(id), { name: 'ZodError' })
  })
})
