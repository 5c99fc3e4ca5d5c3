import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { it } from 'node:test'

const DEADLINE = new URL('../../../agent/process/deadline.ts', import.meta.url).href

it('a deadline ends a process whose own timers cannot run', async () => {
  const source = `import { endAfter } from '${DEADLINE}'
    endAfter(0.2)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: 'ignore' })
  const [, signal] = await once(child, 'exit')
  assert.equal(signal, 'SIGKILL')
})
