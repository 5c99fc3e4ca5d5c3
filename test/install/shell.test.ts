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

test('the installer puts nothing older in the place of what is there', async () => {
  const [check = ''] = /^check_age\(\) \{.*?^\}/ms.exec(readFileSync('install/agent/install.sh', 'utf8')) ?? []
  const isTaken = async (version: string, current: string): Promise<boolean> => {
    const around = `die() { exit 4; }; readlink() { echo versions/${current}; }; HOME_DIR=/none allow_older='' version=${version}`
    return (await runProgram('/bin/bash', ['-c', `set -eu; ${around}\n${check}\ncheck_age`])).code === 0
  }
  const rising = ['1.0.0-alpha', '1.0.0-rc.1', '1.0.0-rc.2', '1.0.0', '1.0.1-rc.1', '1.0.10', '1.1.0', '10.0.0']
  for (const [at, version] of rising.entries())
    for (const [than, current] of rising.entries())
      assert.equal(await isTaken(version, current), at >= than, `${version} in the place of ${current}`)
})

test('the installer acts on its last line alone', () => {
  for (const path of ['install.sh', 'converge.sh', 'uninstall.sh']) {
    const lines = readFileSync(`install/agent/${path}`, 'utf8').trimEnd().split('\n')
    assert.equal(lines.at(-1), '{ main "$@"; exit; }', path)
  }
})
