import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { createOutput, redactedCommands } from '../../../agent/lanes/output.ts'

describe('output', () => {
  const line = (text: string): Buffer => Buffer.from(`${text} ${'x'.repeat(70_000)}\n`)

  it('is redacted, and hashed as it was kept; what is not kept is counted as it came', async () => {
    const kept: Buffer[] = []
    const take = (_offset: number, data: Buffer): boolean => kept.length === 0 && kept.push(data) > 0
    const output = createOutput({ hostKey: Buffer.alloc(32), take })
    const rest = Buffer.from('password=hunter2hunter2 that nobody keeps')
    for (const chunk of [line('password=hunter2hunter2'), line('refused'), rest]) await output.write(chunk)
    const [first = Buffer.alloc(0)] = kept
    assert.match(first.toString(), /^password=\[redacted:/)
    assert.deepEqual(await output.end(), {
      outputBytes: first.length + line('refused').length + rest.length,
      outputKept: first.length,
      outputSha256: createHash('sha256').update(first).digest('hex'),
      redactions: 1,
    })
  })
})

describe('command lines of what is left', () => {
  const token = `ghp_${'a1B2'.repeat(9)}`
  it('leave without the secrets in them, also where they are cut', () => {
    const commands = [`mysqld --password=hunter2hunter2`, `${'x'.repeat(180)} ${token}`].map((command) => ({
      pid: 7,
      command,
    }))
    const [password, cut] = redactedCommands(commands)
    assert.ok(!password?.command.includes('hunter2'), password?.command)
    assert.ok(!cut?.command.includes('ghp_'), cut?.command)
    assert.deepEqual([password?.pid, (cut?.command.length ?? 0) <= 200], [7, true])
  })
})
