import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ActionSpec } from '../../../central/domain/action.ts'
import { effectOf } from '../../../central/tools/effect-of.ts'

const run = { argv: ['/bin/sh', '-c', ''], cwd: '/', env: {}, user: '', terminal: false, timeout_ms: 1 }
const command = (line: string): ActionSpec => ({ kind: 'command', server_id: 'srv_1', line, ...run })
const own = { ...run, argv: ['/opt/mttrly/current/mttrly-agent', 'update'] }

const CASES: [name: string, spec: ActionSpec, programs: string[]][] = [
  ['a line that starts several', command('sudo touch /x && rm -r /y'), ['sudo', 'touch', 'rm']],
  ['a line whose program only the shell would know', command('$X /y'), ['?']],
  ['a verb', command('docker ps'), ['docker']],
  ['a line that only looks, in a directory of its own', command('cat notes'), ['cat']],
  [
    'what runs the host’s own command line',
    { kind: 'update_agent', server_id: 's', version: '1', manifest: 'm', ...own },
    ['mttrly-agent'],
  ],
  ['what Central does itself', { kind: 'decommission_server', server_id: 'srv_1' }, []],
]
for (const [name, spec, programs] of CASES)
  test(`the programs of an action: ${name}`, () => {
    const effect = effectOf(spec)
    assert.ok(effect.kind === 'change')
    assert.deepEqual(effect.programs, programs)
  })
