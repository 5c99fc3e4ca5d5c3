import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { redactedCommands } from '../../../agent/lanes/output.ts'

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
