import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  ALERT_RULES,
  type AlertState,
  type Readings,
  reachedNow,
  readingsOf,
  stateOfActive,
  stepAlerts,
} from '../../../central/domain/alerts.ts'
import type { HostSample } from '../../../central/domain/server.ts'

/** Feeds readings one after the other; what changed, as `kind:to:severity`, by step. */
function feed(readings: readonly Readings[], state: AlertState = {}) {
  const steps: string[][] = []
  for (const reading of readings) {
    const step = stepAlerts(state, reading)
    state = step.state
    steps.push(
      step.changes.map((c) => (c.to === 'resolved' ? `${c.kind}:resolved` : `${c.kind}:${c.to}:${c.severity}`)),
    )
  }
  return { steps, changes: steps.flat(), state }
}

const memory = (...values: number[]): Readings[] => values.map((value) => ({ memory: { value } }))

describe('hysteresis', () => {
  test('an alert is raised after enough readings in a row, once', () => {
    assert.deepEqual(feed(memory(90, 90, 90, 90, 90)).steps, [[], [], ['memory:raised:warning'], [], []])
  })

  test('a dip starts the count again', () => {
    assert.deepEqual(feed(memory(90, 90, 50, 90, 90)).changes, [])
  })

  test('between the bounds it stays as it is, raised or not', () => {
    assert.deepEqual(feed(memory(82, 82, 82, 82)).changes, [])
    assert.deepEqual(feed(memory(90, 90, 90, 82, 82, 82, 82)).changes, ['memory:raised:warning'])
  })

  test('a value that swings around the bound raises one alert', () => {
    const swinging = Array.from({ length: 100 }, (_, i) => (i % 2 ? 84 : 86))
    assert.deepEqual(feed(memory(90, 90, 90, ...swinging)).changes, ['memory:raised:warning'])
  })

  test('it is resolved after enough readings below the lower bound', () => {
    assert.deepEqual(feed(memory(90, 90, 90, 70, 70, 70)).steps.at(-1), ['memory:resolved'])
    assert.deepEqual(feed(memory(90, 90, 90, 70, 70, 81, 70, 70)).changes, ['memory:raised:warning'])
  })

  test('it grows and shrinks between levels', () => {
    const { changes } = feed(memory(90, 90, 90, 97, 97, 97, 90, 90, 90, 10, 10, 10))
    assert.deepEqual(changes, [
      'memory:raised:warning',
      'memory:changed:critical',
      'memory:changed:warning',
      'memory:resolved',
    ])
  })

  test('one spike does not make a warning critical, and one dip does not end a critical alert', () => {
    assert.deepEqual(feed(memory(90, 90, 99)).changes, ['memory:raised:warning'])
    assert.deepEqual(feed(memory(99, 99, 99, 90, 90, 10)).changes, ['memory:raised:critical', 'memory:changed:warning'])
  })

  test('straight to critical and straight to quiet', () => {
    assert.deepEqual(feed(memory(99, 99, 99, 5, 5, 5)).changes, ['memory:raised:critical', 'memory:resolved'])
  })
})

test('a restart goes on with the alerts that are active', () => {
  const state = stateOfActive([{ kind: 'memory', severity: 'critical' }])
  assert.deepEqual(feed(memory(99, 99, 99, 99), state).changes, [])
  assert.deepEqual(feed(memory(5, 5, 5), state).changes, ['memory:resolved'])
})

test('kinds without a reading stay as they are', () => {
  const { state } = feed(memory(90, 90, 90))
  assert.deepEqual(feed([{ cpu: { value: 1 } }, {}], state).changes, [])
  assert.deepEqual(feed([{ offline: { value: 1 } }], state).changes, ['offline:raised:critical'])
  assert.deepEqual(feed([{ offline: { value: 1 } }, { offline: { value: 0 } }]).changes, [
    'offline:raised:critical',
    'offline:resolved',
  ])
})

test('a quiet server keeps no state', () => {
  assert.deepEqual(feed([...memory(90, 90, 10), ...memory(90, 90, 90, 10, 10, 10)]).state, {})
})

test('every rule has bounds in order, and leaves below where it raises', () => {
  for (const [kind, { levels, up, down }] of Object.entries(ALERT_RULES)) {
    assert.ok(up >= 1 && down >= 1, kind)
    levels.forEach((level, index) => {
      assert.ok(level.leave <= level.raise, kind)
      assert.ok(index === 0 || level.raise > (levels[index - 1]?.raise ?? 0), kind)
    })
  }
})

const SAMPLE: HostSample = {
  at: 1,
  cpuPercent: 12,
  memoryTotal: 1000,
  memoryAvailable: 250,
  swapTotal: 0,
  swapFree: 0,
  load1: 9,
  load5: 6,
  load15: 1,
  cpus: 4,
  uptimeS: 10,
  disks: [
    { mount: '/', total: 100, available: 40, inodes: 100, inodesFree: 99 },
    { mount: '/var', total: 100, available: 3, inodes: 0, inodesFree: 0 },
  ],
}

test('a heartbeat is read in percent, load per CPU, and the worst disk', () => {
  assert.deepEqual(readingsOf(SAMPLE), {
    cpu: { value: 12 },
    load: { value: 1.5 },
    memory: { value: 75 },
    disk: { value: 97, note: '/var' },
    inodes: { value: 1, note: '/' },
  })
})

test('the message names the mount that is full', () => {
  const reading = readingsOf(SAMPLE)
  const { state } = stepAlerts({}, reading)
  const [change] = stepAlerts(state, reading).changes
  assert.ok(change && change.to !== 'resolved')
  assert.equal(change.message, 'Disk 97 % full on /var')
})

test('what a single sample reaches is told with its gravest level, before it has lasted long enough to be an alert', () => {
  assert.deepEqual(reachedNow({ cpu: { value: 99.8 }, memory: { value: 84 }, disk: { value: 86, note: '/' } }), [
    { kind: 'cpu', severity: 'critical', message: 'CPU at 100 %' },
    { kind: 'disk', severity: 'warning', message: 'Disk 86 % full on /' },
  ])
  assert.deepEqual(reachedNow({}), [])
})
