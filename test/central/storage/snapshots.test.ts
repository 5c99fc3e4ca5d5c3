import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Snapshot } from '#proto/contract/reality.ts'
import { createSnapshotsStore } from '../../../central/storage/snapshots.ts'
import { snapshot } from '../../helpers/reality.ts'
import { forEachDatabase } from './for-each-database.ts'
import { seedWorkspace } from './seed.ts'

forEachDatabase('snapshots', (open) => {
  const setUp = async () => {
    const db = await open()
    await seedWorkspace(db)
    return { db, store: createSnapshotsStore(db) }
  }
  const at = (n: number): Snapshot => ({ ...snapshot(), at: n })

  test('the latest and the one before are kept, and no more', async () => {
    const { store } = await setUp()
    assert.equal(await store.find('srv_1'), undefined)
    await store.save('srv_1', 10, at(1))
    assert.deepEqual(await store.find('srv_1'), { takenAt: 10, latest: at(1), before: undefined })
    await store.save('srv_1', 20, at(2))
    await store.save('srv_1', 30, at(3))
    assert.deepEqual(await store.find('srv_1'), { takenAt: 30, latest: at(3), before: at(2) })
  })

  test('what can no longer be read counts as nothing', async () => {
    const { db, store } = await setUp()
    await store.save('srv_1', 10, at(1))
    await store.save('srv_1', 20, at(2))
    await db.kysely.updateTable('snapshots').set({ before: '{"at":"then"}' }).execute()
    assert.deepEqual(await store.find('srv_1'), { takenAt: 20, latest: at(2), before: undefined })
    await db.kysely.updateTable('snapshots').set({ latest: '{}' }).execute()
    assert.equal(await store.find('srv_1'), undefined)
  })

  test('of a server that is no more it is forgotten', async () => {
    const { db, store } = await setUp()
    await store.save('srv_1', 10, at(1))
    await store.prune()
    assert.ok(await store.find('srv_1'))
    await db.kysely.updateTable('servers').set({ decommissioned_at: 11 }).execute()
    await store.prune()
    assert.equal(await store.find('srv_1'), undefined)
  })
})
