import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { executeCommand } from '../../../../central/tools/commands/execute-command.ts'

const effectOf = (command: string, more: object = {}) =>
  executeCommand.effect?.(executeCommand.input.parse({ server_id: 'srv_1', command, ...more }))

describe('the effect of a command', () => {
  test('is a look in the lane that can have it', () => {
    assert.deepEqual(effectOf('uptime'), { kind: 'read', lane: 'read', programs: ['uptime'] })
    assert.deepEqual(effectOf('journalctl -n 5'), { kind: 'read', lane: 'inspect', programs: ['journalctl'] })
    assert.deepEqual(effectOf('docker ps -a'), { kind: 'read', lane: 'docker', programs: ['docker'] })
    assert.deepEqual(effectOf('podman logs web'), { kind: 'read', lane: 'docker', programs: ['podman'] })
  })
  test('names the program, however it was written', () => {
    const effect = effectOf('/usr/bin/systemctl status nginx')
    assert.deepEqual(effect, { kind: 'read', lane: 'inspect', programs: ['systemctl'] })
  })
  test('is a change where no lane can have it', () => {
    for (const [command, more] of [
      ['docker ps | wc -l', {}],
      ['docker restart web', {}],
      ['docker exec web id', {}],
      ['systemctl restart nginx', {}],
      ['journalctl -n 5 | grep x', {}],
      ['journalctl -n 5', { cwd: '/srv' }],
      ['journalctl -n 5', { terminal: true }],
      ['uptime', { cwd: '/srv' }],
    ] as const)
      assert.equal(effectOf(command, more)?.kind, 'change', command)
  })
})
