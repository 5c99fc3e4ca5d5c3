// A snapshot that never comes: the daemon leaves a lane that waits in the kernel.
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
