// The lock of installer, update and repair: one at a time, also among programs that are not ours, and never left behind.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { whileLocked } from '../../../agent/process/lock.ts'
import { runScript } from '../../../agent/process/script.ts'
import { startCompanion } from '../../../agent/process/spawn.ts'

function freshDirectory(t: { after(hook: () => void): void }): string {
  const directory = mkdtempSync(join(tmpdir(), 'mttrly-lock-'))
  t.after(() => rmSync(directory, { recursive: true }))
  return directory
}
const isFree = async (directory: string): Promise<boolean> =>
  (await runScript(['flock', '--nonblock', directory, 'true'], 10_000)).code === 0

test('whoever comes second does nothing, as long as the first is at work', async (t) => {
  const directory = freshDirectory(t)
  const first = await whileLocked(directory, 0, async () => {
    assert.equal(await whileLocked(directory, 0, async () => assert.fail('two at once')), undefined)
    assert.equal(await isFree(directory), false)
    return 'done'
  })
  assert.equal(first, 'done')
  assert.equal(await isFree(directory), true)
})

test('it waits for the one before as long as it is told to', async (t) => {
  const directory = freshDirectory(t)
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>()
  const { promise: taken, resolve: take } = Promise.withResolvers<void>()
  const first = whileLocked(directory, 0, () => {
    take()
    return held
  })
  await taken
  const second = whileLocked(directory, 60, async () => 'its turn')
  letGo()
  await first
  assert.equal(await second, 'its turn')
})

test('work that fails lets go of it, and so does a process that is killed', async (t) => {
  const directory = freshDirectory(t)
  await assert.rejects(
    whileLocked(directory, 0, () => Promise.reject(new Error('no'))),
    /no/,
  )
  assert.equal(await isFree(directory), true)
  const program = `import { whileLocked } from ${JSON.stringify(new URL('../../../agent/process/lock.ts', import.meta.url).href)}
    await whileLocked(${JSON.stringify(directory)}, 0, async () => { console.log('locked'); await new Promise((ok) => setTimeout(ok, 1e9)) })`
  const other = startCompanion([process.execPath, '--input-type=module', '--eval', program], {})
  await new Promise((resolve) => other.output.once('data', resolve))
  assert.equal(await isFree(directory), false)
  other.kill()
  assert.equal(await whileLocked(directory, 60, async () => 'free'), 'free')
})
