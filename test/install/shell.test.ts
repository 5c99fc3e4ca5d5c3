// The scripts that run on a host as root: shellcheck has nothing to say about them.
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { runProgram } from '../helpers/run-program.ts'

const SHELLCHECK = '/usr/bin/shellcheck'
const scripts = [...globSync('install/agent/*'), ...globSync('test/guest/*.sh'), 'test/setup-debian.sh'].filter(
  (path) => /^#!\/bin\/(ba)?sh\n/.test(readIfFile(path)),
)

function readIfFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // a directory
  }
}

test('shellcheck is content', { skip: existsSync(SHELLCHECK) ? false : 'shellcheck is not installed' }, async () => {
  assert.ok(scripts.length >= 5)
  const { code, stdout } = await runProgram(SHELLCHECK, scripts)
  assert.equal(stdout, '')
  assert.equal(code, 0)
})

test('the installer acts on its last line alone', () => {
  for (const path of ['install.sh', 'converge.sh', 'uninstall.sh']) {
    const lines = readFileSync(`install/agent/${path}`, 'utf8').trimEnd().split('\n')
    assert.equal(lines.at(-1), '{ main "$@"; exit; }', path)
  }
})
