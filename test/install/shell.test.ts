// The scripts that run on a host as root: shellcheck has nothing to say about them.
import assert from 'node:assert/strict'
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
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

/** The judgement of install.sh on the age of a release, with the host and Central that are described. */
async function isTaken(t: TestContext, version: string, host: { current?: string; floors?: Floors; allow?: boolean }) {
  const work = mkdtempSync(join(tmpdir(), 'mttrly-age-'))
  t.after(() => rmSync(work, { recursive: true, force: true }))
  const { served = '', told = '', own = '0.0.0' } = host.floors ?? {}
  writeFileSync(join(work, 'served'), JSON.stringify({ version, minimum_version: served, capability_version: 1 }))
  if (told !== '') writeFileSync(join(work, 'minimum-version'), `${told}\n`)
  writeFileSync(join(work, 'manifest.json'), `{\n"format":1,\n"version":"${version}",\n"minimum_version":"${own}",\n`)
  const installer = readFileSync('install/agent/install.sh', 'utf8')
  const [field = ''] = /^plain_field\(\).*$/m.exec(installer) ?? []
  const functions = ['floors', 'check_age', 'at_least'].map(
    (name) => new RegExp(`^${name}\\(\\) \\{.*?^\\}`, 'ms').exec(installer)?.[0],
  )
  const around = `die() { exit 4; }; readlink() { echo versions/${host.current ?? ''}; }; HOME_DIR=/none work=${work} ACT_DIR=${work}
allow_older='${host.allow ? 'yes' : ''}' version=${version}`
  const script = ['set -euo pipefail', around, field, ...functions, 'check_age'].join('\n')
  const { code } = await runProgram('/bin/bash', ['-c', script])
  assert.ok(code === 0 || code === 4, `${code}`)
  return code === 0
}
type Floors = { served?: string; told?: string; own?: string }

test('the installer puts nothing older in the place of what is there', async (t) => {
  const rising = ['1.0.0-alpha', '1.0.0-rc.1', '1.0.0-rc.2', '1.0.0', '1.0.1-rc.1', '1.0.10', '1.1.0', '10.0.0']
  for (const [at, version] of rising.entries())
    for (const [than, current] of rising.entries())
      assert.equal(await isTaken(t, version, { current }), at >= than, `${version} in the place of ${current}`)
})

test('the installer takes nothing below a minimum version, whoever told it, unless it is asked to', async (t) => {
  for (const floors of [{ served: '1.2.0' }, { told: '1.2.0' }, { own: '1.2.0' }, { served: '1.1.0', told: '1.2.0' }]) {
    assert.equal(await isTaken(t, '1.1.9', { floors }), false, JSON.stringify(floors))
    assert.equal(await isTaken(t, '1.2.0-rc.1', { floors }), false)
    assert.equal(await isTaken(t, '1.2.0', { floors }), true)
    assert.equal(await isTaken(t, '1.1.9', { floors, allow: true }), true)
  }
})

test('the command line says so when a program of it is empty or missing, and does nothing', async (t) => {
  const version = mkdtempSync(join(tmpdir(), 'mttrly-version-'))
  t.after(() => rmSync(version, { recursive: true, force: true }))
  const command = join(version, 'mttrly-agent')
  copyFileSync('install/agent/mttrly-agent', command)
  writeFileSync(join(version, 'node'), '#!/bin/sh\necho "node $*"\n', { mode: 0o755 })
  const link = join(version, 'link')
  symlinkSync(command, link)
  for (const [subcommand, part] of [
    ['doctor', 'host.mjs'],
    ['status', 'agent.mjs'],
    ['uninstall', 'uninstall.sh'],
  ] as const) {
    const run = () => runProgram('/bin/sh', [link, subcommand])
    for (const spoil of [() => {}, () => writeFileSync(join(version, part), '')]) {
      spoil()
      const { code, stdout, stderr } = await run()
      assert.deepEqual([code, stdout], [1, ''], subcommand)
      assert.match(stderr, new RegExp(`${part} is missing or empty: run the command of mttrly_bootstrap_recover`))
    }
    writeFileSync(join(version, part), 'echo removed\n')
    const whole = await run()
    assert.equal(whole.code, 0)
    assert.match(whole.stdout, part === 'uninstall.sh' ? /^removed/ : new RegExp(`^node .*${part}.* ${subcommand}`))
  }
  rmSync(join(version, 'node'))
  const without = await runProgram('/bin/sh', [link, 'doctor'])
  assert.deepEqual([without.code, /\/node is missing.*bootstrap_recover/.test(without.stderr)], [1, true])
  assert.equal((await runProgram('/bin/sh', [link, 'uninstall'])).code, 0)
})

test('the installer acts on its last line alone', () => {
  for (const path of ['install.sh', 'converge.sh', 'uninstall.sh']) {
    const lines = readFileSync(`install/agent/${path}`, 'utf8').trimEnd().split('\n')
    assert.equal(lines.at(-1), '{ main "$@"; exit; }', path)
  }
})
