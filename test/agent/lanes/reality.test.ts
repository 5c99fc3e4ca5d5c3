// A snapshot that never comes: the daemon leaves a lane that waits in the kernel. And lanes that nobody would dismiss.
import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { it } from 'node:test'
import { createLanes } from '../../../agent/lanes/lanes.ts'
import type { Companion } from '../../../agent/process/spawn.ts'
import { collect } from '../../helpers/lane.ts'

function silentLane(): Companion {
  const output = new PassThrough()
  const kill = () => void output.destroy()
  return { pid: 0, input: new PassThrough(), output, ended: new Promise(() => {}), kill }
}

it('a lane that does not answer in time is left, and the answer says why', async () => {
  let late: (() => void) | undefined
  const lanes = createLanes({
    start: silentLane,
    args: [],
    compileCache: '',
    timers: {
      setTimeout(act) {
        late = act
        return { unref() {} }
      },
      clearTimeout() {},
    },
  })
  const answer = lanes.reality('', collect())
  late?.()
  const said = await answer
  assert.ok(said.kind === 'refusal')
  assert.equal(said.refusal.code, 'TIMEOUT')
})

/** How many lanes were started for one look that is lost in the end. */
async function startedFor(passes: 'quick' | 'slower than the quiet after it'): Promise<number> {
  const started: Companion[] = []
  let rest = (): void => {}
  const lanes = createLanes({
    start: () => started[started.push(silentLane()) - 1] as Companion,
    args: [],
    compileCache: '',
    timers: {
      setTimeout(act) {
        rest = act
        return { unref() {} }
      },
      clearTimeout() {},
    },
  })
  const answer = lanes.inspect({ id: 'x', argv: ['journalctl'], timeoutMs: 1_000 }, collect())
  if (passes !== 'quick') rest()
  started[0]?.kill()
  assert.equal((await answer).kind, 'lost')
  return started.length
}

it('a look that outlasts the quiet after it leaves no lane waiting', async () => {
  assert.equal(await startedFor('quick'), 3)
  assert.equal(await startedFor('slower than the quiet after it'), 1)
})
