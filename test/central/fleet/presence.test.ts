import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { pino } from 'pino'
import { createLocalBus, type JsonValue } from '../../../central/bus/bus.ts'
import { createPresence } from '../../../central/fleet/presence.ts'
import type { ServersStore } from '../../../central/storage/servers.ts'

const SAMPLE = {
  at: 1,
  cpuPercent: 1,
  memoryTotal: 1,
  memoryAvailable: 1,
  swapTotal: 0,
  swapFree: 0,
  load1: 0,
  load5: 0,
  load15: 0,
  cpus: 1,
  uptimeS: 1,
  disks: [],
}

function setUp() {
  let now = 1_000_000
  const writes: { ids: readonly string[]; at: number }[] = []
  let broken = false
  const store = {
    touch: async (ids: readonly string[], at: number) => {
      if (broken) throw new Error('dead database')
      writes.push({ ids: [...ids].toSorted(), at })
    },
  } as unknown as ServersStore
  const bus = createLocalBus()
  const heard: JsonValue[] = []
  bus.subscribe('presence', (message) => heard.push(message))
  const presence = createPresence({ store, bus, clock: { now: () => now }, log: pino({ level: 'silent' }) })
  return {
    presence,
    writes,
    heard,
    later: (ms: number) => {
      now += ms
      presence.sweep()
    },
    breakStore: (value: boolean) => {
      broken = value
    },
  }
}

test('online with the stream, offline 30 s after the last heartbeat, online with the next one', () => {
  const { presence, later } = setUp()
  presence.opened('s1', 'w')
  assert.equal(presence.get('s1')?.online, true)
  later(29_999)
  presence.heartbeat('s1', SAMPLE)
  later(29_999)
  assert.equal(presence.get('s1')?.online, true)
  later(1)
  assert.equal(presence.get('s1')?.online, false)
  presence.heartbeat('s1', SAMPLE)
  assert.equal(presence.get('s1')?.online, true)
})

test('a closed stream that is back within 15 s was never away', async () => {
  const { presence, later, heard } = setUp()
  presence.opened('s1', 'w')
  presence.closed('s1')
  later(14_999)
  presence.opened('s1', 'w')
  later(14_999)
  await turn()
  assert.deepEqual(heard, [{ server_id: 's1', online: true }])
  presence.closed('s1')
  later(15_000)
  await turn()
  assert.deepEqual(heard.at(-1), { server_id: 's1', online: false })
})

test('a heartbeat after the stream has closed counts for nothing', () => {
  const { presence, later } = setUp()
  presence.opened('s1', 'w')
  presence.closed('s1')
  later(14_000)
  presence.heartbeat('s1', SAMPLE)
  later(1_000)
  assert.equal(presence.get('s1')?.online, false)
  presence.heartbeat('unknown', SAMPLE)
  assert.equal(presence.get('unknown'), undefined)
})

test('heartbeats are written in batches, and only what has changed', async () => {
  const { presence, writes, later } = setUp()
  for (let server = 0; server < 500; server++) presence.opened(`s${server}`, 'w')
  for (let beat = 0; beat < 6; beat++) {
    later(10_000)
    for (let server = 0; server < 500; server++) presence.heartbeat(`s${server}`, SAMPLE)
  }
  assert.equal(writes.length, 0)
  await presence.flush()
  assert.deepEqual(
    writes.map(({ ids, at }) => [ids.length, at]),
    [[500, 1_060_000]],
  )
  await presence.flush()
  assert.equal(writes.length, 1)
})

test('what a dead database did not take is written later', async () => {
  const { presence, writes, breakStore } = setUp()
  presence.opened('s1', 'w')
  breakStore(true)
  await presence.flush()
  breakStore(false)
  await presence.flush()
  assert.deepEqual(writes, [{ ids: ['s1'], at: 1_000_000 }])
})
