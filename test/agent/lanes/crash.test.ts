// kill -9 of the act lane at each step of its record: what was granted ran once or not at all, and the answer is true.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createAct } from '../../../agent/capabilities/commands/act.ts'
import type { Step } from '../../../agent/lanes/act-lane.ts'
import { createLanes } from '../../../agent/lanes/lanes.ts'
import { startCompanion } from '../../../agent/process/spawn.ts'
import { COMPILE_CACHE, collect, isRunning, type LaneHome, makeLaneHome, outcomeOf } from '../../helpers/lane.ts'

const DYING = fileURLToPath(new URL('../../helpers/dying-lane.ts', import.meta.url))

/** What may be said after a crash at a step, and how often it may have run. */
const EXPECTED: Record<Step, { state: string; ran: number[] }> = {
  'before-take': { state: 'RUN_STATE_NOT_STARTED', ran: [0] },
  taken: { state: 'RUN_STATE_UNKNOWN', ran: [0] },
  started: { state: 'RUN_STATE_UNKNOWN', ran: [0, 1] },
  ended: { state: 'RUN_STATE_UNKNOWN', ran: [1] },
  'outcome-written': { state: 'RUN_STATE_EXITED', ran: [1] },
}

describe('an act lane that is killed', () => {
  let home: LaneHome
  before(() => {
    home = makeLaneHome()
  })
  after(() => home.remove())

  for (const [step, expected] of Object.entries(EXPECTED)) {
    it(`at “${step}”: ${expected.state}`, async () => {
      const effect = join(home.root, `effect-${step}`)
      const ran = (): number => (existsSync(effect) ? readFileSync(effect, 'utf8').split('\n').length - 1 : 0)
      const { words } = home.signed({ argv: ['/bin/sh', '-c', `echo ran >> ${effect}; echo output`] })
      const dying = createLanes({
        start: startCompanion,
        entry: DYING,
        args: [...home.args, '--die', step],
        compileCache: COMPILE_CACHE,
      })
      assert.equal((await dying.act('run', words, collect())).kind, 'lost')
      const settled = outcomeOf(await home.lanes.act('settle', words, collect()))
      assert.equal(settled.state, expected.state)
      assert.deepEqual(outcomeOf(await home.lanes.act('settle', words, collect())), settled, 'the answer stays')
      assert.equal((await home.lanes.act('run', words, collect())).kind, 'refusal', 'and it never runs again')
      assert.ok(expected.ran.includes(ran()), `it ran ${ran()} times`)
    })
  }

  it('leaves a run behind that is reported with its processes', async () => {
    const pidFile = join(home.root, 'pid')
    const { words } = home.signed({ argv: ['/bin/sh', '-c', `echo $$ > ${pidFile}; exec sleep 300`] })
    const lane = startCompanion(
      [process.execPath, fileURLToPath(new URL('../../../agent/lanes/main.ts', import.meta.url)), 'act', ...home.args],
      {
        NODE_COMPILE_CACHE: COMPILE_CACHE,
      },
    )
    const lanes = createLanes({ start: () => lane, args: [], compileCache: COMPILE_CACHE })
    const lost = lanes.act('run', words, collect())
    while (!existsSync(pidFile) || readFileSync(pidFile, 'utf8') === '')
      await new Promise((resolve) => setImmediate(resolve))
    const pid = Number(readFileSync(pidFile, 'utf8'))
    lane.kill()
    assert.equal((await lost).kind, 'lost')
    try {
      const settled = outcomeOf(await home.lanes.act('settle', words, collect()))
      assert.equal(settled.state, 'RUN_STATE_UNKNOWN')
      assert.deepEqual(settled.survivors, [{ pid, command: 'sleep 300' }])
    } finally {
      if (isRunning(pid)) process.kill(pid, 'SIGKILL')
    }
  })

  it('is settled by the capability itself, so that the caller gets an answer', async () => {
    const { words } = home.signed({ argv: ['/bin/true'] })
    const dying = createLanes({
      start: startCompanion,
      entry: DYING,
      args: [...home.args, '--die', 'taken'],
      compileCache: COMPILE_CACHE,
    })
    const lanes = {
      ...home.lanes,
      act: (verb: 'run' | 'settle', ...rest: [typeof words, ReturnType<typeof collect>]) =>
        (verb === 'run' ? dying : home.lanes).act(verb, ...rest),
    }
    const act = createAct({ lanes: lanes as LaneHome['lanes'] })
    const never = new AbortController().signal
    const request = {
      grant: Buffer.from(words.grant, 'base64'),
      signature: Buffer.from(words.signature, 'base64'),
      keyId: '',
      outputFrom: 0,
    }
    const outcome = await act.run(request, {
      requestId: 'r',
      cancelled: never,
      gone: never,
      output: async () => {},
      onTaken() {},
    })
    assert.equal(outcome.state, 'RUN_STATE_UNKNOWN')
  })
})
