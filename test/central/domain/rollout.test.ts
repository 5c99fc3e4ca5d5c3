import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ActionState } from '../../../central/domain/action.ts'
import { nextWave, type Rollout } from '../../../central/domain/rollout.ts'

const SHORT: Record<string, ActionState> = {
  a: 'approved',
  r: 'running',
  s: 'succeeded',
  f: 'failed',
  t: 'timed_out',
  u: 'unknown',
  c: 'cancelled',
  e: 'expired',
}

/** `sr` : the first server has succeeded, the second one runs, the others have not begun. */
function step(
  states: string,
  plan: Partial<Rollout> & { of?: number } = {},
  more: { away?: string; over?: boolean; relapsed?: string } = {},
) {
  const ids = Array.from({ length: plan.of ?? 8 }, (_, i) => String(i + 1))
  const children = new Map([...states].map((state, i) => [String(i + 1), SHORT[state] ?? 'failed']))
  const online = new Set(ids.filter((id) => !(more.away ?? '').includes(id)))
  const rollout = { server_ids: ids, share: plan.share ?? 25, max_in_flight: plan.max_in_flight ?? 4 }
  const next = nextWave(rollout, children, { online, over: more.over ?? false, relapsed: more.relapsed })
  if (next.kind === 'halted') return 'halted'
  if (next.kind !== 'start') return next.kind
  return `start ${next.servers.join('')}${next.absent.length > 0 ? ` without ${next.absent.join('')}` : ''}`
}

describe('what is next in a rollout', () => {
  const cases: [name: string, got: () => string, wanted: string][] = [
    ['the first wave is a share of all', () => step(''), 'start 12'],
    ['a share that is less than one server is one server', () => step('', { share: 1 }), 'start 1'],
    ['a share is rounded up', () => step('', { of: 5, share: 50 }), 'start 123'],
    ['all at once where that is asked for', () => step('', { share: 100, max_in_flight: 100 }), 'start 12345678'],
    ['never more at once than may be', () => step('', { share: 100, max_in_flight: 3 }), 'start 123'],
    ['within a wave the next begins as one ends', () => step('srr', { share: 100, max_in_flight: 3 }), 'start 4'],
    ['at the bound it waits', () => step('rrr', { share: 100, max_in_flight: 3 }), 'wait'],
    ['the next wave waits for the end of this one', () => step('sr'), 'wait'],
    ['approved and not yet started is under way', () => step('sa'), 'wait'],
    ['then it begins', () => step('ss'), 'start 34'],
    ['half a wave is made whole', () => step('sss'), 'start 4'],
    ['the last wave may be smaller', () => step('sssss', { of: 6, share: 50 }), 'start 6'],
    [
      'who is offline is left out, and takes its place in the wave',
      () => step('', {}, { away: '2' }),
      'start 1 without 2',
    ],
    ['a wave of absent servers begins nothing', () => step('', {}, { away: '12' }), 'start  without 12'],
    ['who was left out stops nobody', () => step('se'), 'start 34'],
    ['one that failed halts it', () => step('sf'), 'halted'],
    ['at once, also within a wave', () => step('rf', { share: 100 }), 'halted'],
    ['one that ran too long halts it', () => step('st'), 'halted'],
    ['one of which nobody knows halts it', () => step('su'), 'halted'],
    ['one that was cancelled halts it', () => step('sc'), 'halted'],
    ['a failure of the last one is told, too', () => step('sssssssf'), 'halted'],
    ['one that went back after all halts it', () => step('ss', {}, { relapsed: '1' }), 'halted'],
    [
      'of what is finished, what runs there later says nothing',
      () => step('ssssssss', {}, { relapsed: '1' }),
      'finished',
    ],
    ['it waits for the last ones', () => step('sssssssr'), 'wait'],
    ['it is finished when all have ended', () => step('sssessss'), 'finished'],
    ['what takes longer than an approval holds begins no more', () => step('ss', {}, { over: true }), 'halted'],
    ['what is finished stays so', () => step('ssssssss', {}, { over: true }), 'finished'],
  ]
  for (const [name, got, wanted] of cases) test(name, () => assert.equal(got(), wanted))

  test('followed to its end, each server begins once, and never more than may be at once', () => {
    for (const count of [1, 2, 7, 40])
      for (const share of [1, 10, 33, 100])
        for (const max_in_flight of [1, 3, 50]) {
          const server_ids = Array.from({ length: count }, (_, i) => `s${i}`)
          const children = new Map<string, ActionState>()
          const begun: string[] = []
          for (let turns = 0; turns < 500; turns++) {
            const next = nextWave({ server_ids, share, max_in_flight }, children, {
              online: new Set(server_ids),
              over: false,
            })
            if (next.kind === 'finished') break
            if (next.kind === 'start') for (const id of next.servers) children.set(id, 'running') && begun.push(id)
            const open = [...children].filter(([, state]) => state === 'running').map(([id]) => id)
            assert.ok(open.length <= max_in_flight && open.length > 0)
            children.set(open[turns % open.length] ?? '', 'succeeded')
          }
          assert.deepEqual(begun, server_ids)
          assert.ok([...children.values()].every((state) => state === 'succeeded'))
        }
  })
})
