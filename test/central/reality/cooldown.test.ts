// One turn a server, for however many Centrals on one database.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCooldown } from '../../../central/reality/cooldown.ts'
import { createAttemptsStore } from '../../../central/storage/attempts.ts'
import { forEachDatabase } from '../storage/for-each-database.ts'

forEachDatabase('a cooldown', (open) => {
  test('is taken once by two who ask at once, and free again when it is over', async () => {
    let now = 1_000
    const rooms = { attempts: createAttemptsStore(await open()), clock: { now: () => now } }
    const replicas = [1, 2, 3].map(() => createCooldown(rooms, 'diagnosis', 30_000))
    const all = (serverId: string) => Promise.all(replicas.map(({ take }) => take(serverId)))
    assert.deepEqual((await all('srv_1')).toSorted(), [0, 30, 30])
    assert.deepEqual((await all('srv_2')).toSorted(), [0, 30, 30], 'each server has its own')
    assert.equal(await createCooldown(rooms, 'reality', 60_000).take('srv_1'), 0, 'and each question')
    now += 29_001
    assert.deepEqual(await all('srv_1'), [1, 1, 1])
    now += 999
    assert.deepEqual((await all('srv_1')).toSorted(), [0, 30, 30])
  })
})
