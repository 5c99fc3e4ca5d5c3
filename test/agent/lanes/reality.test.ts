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

it('a lane waits for its time and no longer; one that was taken goes on', async () => {
  const started: Companion[] = []
  const due: (() => void)[] = []
  const lanes = createLanes({
    start: () => started[started.push(silentLane()) - 1] as Companion,
    args: [],
    compileCache: '',
    timers: {
      setTimeout(act) {
        due.push(act)
        return { unref() {} }
      },
      clearTimeout() {},
    },
  })
  const ended = () => started.map(({ input }) => input.writableEnded)
  const ask = () => lanes.inspect({ id: 'x', argv: ['journalctl'], timeoutMs: 1_000 }, collect())
  const first = ask()
  started[0]?.kill()
  assert.equal((await first).kind, 'lost')
  assert.deepEqual(ended(), [true, false, false])
  const second = ask()
  assert.equal(started.length, 3, 'one that waited was taken')
  for (const act of due) act()
  assert.deepEqual(ended(), [true, false, true])
  started[1]?.kill()
  assert.equal((await second).kind, 'lost')
})
