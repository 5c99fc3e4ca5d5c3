import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { GATE, judge, look, type Observation, startWatch, type Verdict } from '../../../agent/installation/gate.ts'

const up: Omit<Observation, 'at'> = {
  active: 'active',
  pid: 7,
  restarts: 0,
  link: { state: 'up', version: '2.0.0' },
  shut: [],
  central: 'answers',
}
const alone = { ...up, link: undefined }
const away = { ...alone, central: 'silent' as const }

type Phase = [seconds: number, what: Partial<Observation>]

/** What is seen each second, phase after phase. @returns the first verdict that is not to wait, and when */
function verdictOn(phases: readonly Phase[], restarts?: number): { verdict: Verdict; at: number } {
  let watch = startWatch('2.0.0', 0, restarts)
  let at = 0
  for (const [seconds, what] of phases)
    for (let i = 0; i < seconds; i += 1) {
      at += 1
      watch = look(watch, { ...up, ...what, at: at * 1_000 }, GATE)
      const verdict = judge(watch, GATE)
      if (verdict !== 'wait') return { verdict, at }
    }
  return { verdict: 'wait', at }
}

const HOUR = 3_600

describe('a new version', () => {
  const cases: Record<string, [phases: Phase[], expected: 'good' | 'wait' | RegExp, at?: number]> = {
    'that is up for 20 s is good': [[[30, up]], 'good', 21],
    'is no better for what the version before says': [[[30, { link: { state: 'up', version: '1.0.0' } }]], 'wait'],
    'that does not run goes back': [[[60, { ...alone, active: 'failed' }]], /does not run/, 11],
    'that was stopped goes back': [[[60, { ...alone, active: 'inactive' }]], /does not run/],
    'that ends and is started again and again goes back': [
      [
        [5, alone],
        [5, { ...alone, restarts: 1 }],
        [5, { ...alone, restarts: 2 }],
        [5, { ...alone, restarts: 3 }],
      ],
      /started again 3 times/,
      16,
    ],
    'that has ended before the first look goes back, too': [
      [[60, { ...alone, restarts: 3 }]],
      /started again 3 times/,
      1,
    ],
    'may be restarted by hand, and what it did before still counts': [
      [
        [5, { restarts: 2 }],
        [5, { pid: 8, restarts: 0 }],
        [5, { pid: 9, restarts: 1 }],
      ],
      /started again 3 times/,
      11,
    ],
    'that was restarted has to be up for 20 s anew': [
      [
        [15, up],
        [19, { pid: 8, restarts: 1 }],
      ],
      'wait',
    ],
    'whose link comes and goes is not good': [
      Array.from({ length: 20 }, (_, i): Phase[] => [
        [15, { pid: 7 + i }],
        [2, away],
      ]).flat(),
      'wait',
    ],
    'whose stream breaks again and again though Central answers goes back': [
      Array.from({ length: 20 }, (): Phase[] => [
        [10, alone],
        [15, up],
      ]).flat(),
      /Central answers/,
    ],
    'that is not connected though Central answers goes back': [[[300, alone]], /Central answers/, 121],
    'is never sent back because Central is away': [[[10 * HOUR, away]], 'wait'],
    'is never sent back because Central is away now and then': [
      Array.from({ length: 100 }, (): Phase[] => [
        [100, alone],
        [5, away],
      ]).flat(),
      'wait',
    ],
    'is good when Central is back': [
      [
        [HOUR, away],
        [60, alone],
        [30, up],
      ],
      'good',
    ],
    'that crashes while Central is away goes back': [
      [
        [HOUR, away],
        [60, { ...away, restarts: 3 }],
      ],
      /started again/,
    ],
    'whose lane does not listen goes back, connected or not': [
      [[60, { shut: ['mttrly-lane-act.socket'] }]],
      /act\.socket/,
      11,
    ],
    'whose lane is reopened in time is good': [
      [
        [5, { shut: ['mttrly-lane-act.socket'] }],
        [30, up],
      ],
      'good',
    ],
  }
  for (const [name, [phases, expected, when]] of Object.entries(cases))
    test(name, () => {
      const { verdict, at } = verdictOn(phases, 0)
      if (expected instanceof RegExp) assert.match(typeof verdict === 'object' ? verdict.back : verdict, expected)
      else assert.equal(verdict, expected)
      if (when !== undefined) assert.equal(at, when)
    })

  test('is not blamed for what systemd counted before it was watched', () => {
    assert.deepEqual(verdictOn([[30, { restarts: 5 }]]), { verdict: 'good', at: 21 })
  })
})
