// `npm run up` as a process: it is killed, started again and stopped, and leaves no agent behind.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { holderOf } from '../../agent/lock.ts'

const UP = fileURLToPath(new URL('../../install/up.ts', import.meta.url))

function start(
  cwd: string,
  data: string,
): { child: ChildProcess; ready: Promise<unknown>; ended: Promise<number | null> } {
  const argv = [UP, '--data', data, '--http-port', '0', '--grpc-port', '0', '--json']
  const child = spawn(process.execPath, argv, { cwd, stdio: ['ignore', 'pipe', 'ignore'] })
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const lines = createInterface({ input: child.stdout ?? assert.fail() })
  const ready = new Promise((resolve, reject) => {
    lines.once('line', (line) => resolve(JSON.parse(line)))
    void ended.then(() => reject(new Error('it ended before it was ready')))
  })
  ready.catch(() => {})
  return { child, ready, ended }
}

test('killed and started again, it takes charge of the agent that was left, and a stop leaves nothing', async (t) => {
  const cwd = mkdtempSync(join(tmpdir(), 'mttrly up '))
  const agentData = join(cwd, 'my data', 'agent')
  const first = start(cwd, 'my data')
  let second: ReturnType<typeof start> | undefined
  t.after(() => {
    for (const pid of [first.child.pid, second?.child.pid, holderOf(agentData)?.pid]) {
      try {
        if (pid) process.kill(pid, 'SIGKILL')
      } catch {
        // It has ended.
      }
    }
    rmSync(cwd, { recursive: true, force: true })
  })
  assert.equal(((await first.ready) as { ready: boolean }).ready, true)
  const agent = holderOf(agentData)
  assert.ok(agent)
  first.child.kill('SIGKILL')
  await first.ended
  assert.equal(holderOf(agentData)?.pid, agent.pid, 'the agent goes on by itself')

  second = start(cwd, 'my data')
  const outcome = await Promise.race([second.ready, second.ended])
  assert.equal(typeof outcome, 'object')

  const third = start(cwd, 'my data')
  assert.equal(await third.ended, 1, 'what runs keeps its data to itself')
  assert.ok(holderOf(agentData), 'and its agent')

  second.child.kill('SIGINT')
  second.child.kill('SIGINT')
  assert.equal(await second.ended, 0)
  assert.equal(holderOf(agentData), undefined)
})
