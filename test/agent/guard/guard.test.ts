import assert from 'node:assert/strict'
import { chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { refuseRead } from '../../../agent/guard/file-rules.ts'
import { compilePolicy, loadPolicy, refuseLane } from '../../../agent/guard/policy.ts'
import { secretPaths } from '../../../agent/guard/secret-paths.ts'

describe('the host’s own policy', () => {
  const lanes = (content: unknown) =>
    (['read', 'inspect', 'act'] as const).map((lane) => refuseLane(compilePolicy(content), lane) === undefined)

  it('allows all lanes where there is none, or one that says nothing', async () => {
    assert.deepEqual(lanes(undefined), [true, true, true])
    assert.deepEqual(lanes({}), [true, true, true])
    assert.equal((await loadPolicy('/nonexistent')).ok, true)
  })
  it('has switches that do what they say, in their one spelling', () => {
    assert.deepEqual(lanes({ read_only: true }), [true, true, false])
    assert.deepEqual(lanes({ read_only: false }), [true, true, true])
    assert.deepEqual(lanes({ lanes: { act: false } }), [true, true, false])
    assert.deepEqual(lanes({ lanes: { read: false } }), [false, true, true])
    assert.deepEqual(lanes({ lanes: { inspect: false } }), [true, false, true])
  })
  it('says which files may be read, and denies there what it denies everywhere', () => {
    const answer = compilePolicy({ denied_paths: ['/srv/a/../{x}/'], files: { read: ['default', '/data/**'] } })
    assert.ok(answer.ok)
    const refused = (path: string) => refuseRead(answer.policy.files, path, 'normal')
    assert.deepEqual(['/data/x', '/var/log/x', '/srv/a', '/opt2/x'].map(refused), [
      undefined,
      undefined,
      undefined,
      'not_allowlisted',
    ])
    assert.deepEqual(['/srv/{x}', '/srv/{x}/y'].map(refused), ['denied_by_host', 'denied_by_host'])
  })
  it('refuses everything when it cannot be understood', () => {
    const unclear = [
      [],
      'text',
      7,
      { read_only: 'true' },
      { read_only: null },
      { read_only: 1 },
      { readonly: true },
      { lanes: ['act'] },
      { lanes: { act: 'off' } },
      { lanes: { write: false } },
      { denied_paths: '/srv' },
      { denied_paths: ['relative'] },
      { denied_paths: ['/with\0null'] },
      { denied_paths: ['/home/*/keys'] },
      { denied_paths: ['/srv/key?'] },
      { files: ['/srv'] },
      { files: { write: ['/srv'] } },
      { files: { read: ['srv'] } },
      { files: { read: '/srv' } },
    ]
    for (const content of unclear) assert.deepEqual(lanes(content), [false, false, false], JSON.stringify(content))
  })
  it('is not taken for absent where somebody has tried to write one', async () => {
    const root = mkdtempSync(join(tmpdir(), 'mttrly-policy-'))
    const load = async (name: string, make: (path: string) => void) => {
      const directory = join(root, name)
      mkdirSync(directory)
      make(directory)
      return (await loadPolicy(directory)).ok
    }
    assert.equal(await load('none', () => {}), true)
    assert.equal(await load('comments', (at) => writeFileSync(join(at, 'policy.yaml'), '# read_only: true\n')), true)
    for (const [name, text] of [
      ['empty', ''],
      ['blank', ' \n\n'],
    ] as const)
      assert.equal(await load(name, (at) => writeFileSync(join(at, 'policy.yaml'), text)), false, name)
    assert.equal(await load('link', (at) => symlinkSync('/nowhere/policy.yaml', join(at, 'policy.yaml'))), false)
    assert.equal(await load('name', (at) => writeFileSync(join(at, 'policy.yml'), 'read_only: true')), false)
    assert.equal(await load('directory', (at) => mkdirSync(join(at, 'policy.yaml'))), false)
    for (const [index, text] of [
      'read_only: yes',
      'read_only: "true"',
      'approvals:',
      'approvers:',
      'a: [',
      'read_only: true\nread_only: false',
      'a: 1\n---\nb: 2',
      '- x',
    ].entries())
      assert.equal(await load(`text-${index}`, (at) => writeFileSync(join(at, 'policy.yaml'), text)), false, text)
    rmSync(root, { recursive: true, force: true })
  })
  it('names its file when it refuses', () => {
    assert.match(refuseLane(compilePolicy({ x: 1 }), 'act')?.details.reason ?? '', /^policy\.yaml knows only/)
  })
  it('takes a pinned version that is written as one', () => {
    const pinned = (pinned_version: unknown) => compilePolicy({ pinned_version })
    const answer = pinned('1.2.0-rc.1')
    assert.equal(answer.ok && answer.policy.pinnedVersion, '1.2.0-rc.1')
    for (const wrong of [1.2, true, '1.2', 'v1.2.0', '1.2.0 ', ['1.2.0']]) assert.equal(pinned(wrong).ok, false)
  })
  it('lists the paths that shall not be seen', () => {
    const answer = compilePolicy({ denied_paths: ['/srv/a', '/srv/b'] })
    assert.deepEqual(answer.ok && answer.policy.deniedPaths, ['/srv/a', '/srv/b'])
  })
})

describe('secret paths', () => {
  const root = mkdtempSync(join(tmpdir(), 'mttrly-guard-'))
  after(() => rmSync(root, { recursive: true, force: true }))
  const uid = 4_242
  const home = join(root, 'home')
  const dotfiles = join(root, 'dotfiles')
  const logs = join(root, 'logs')
  for (const path of [home, join(home, '.ssh'), dotfiles, logs]) mkdirSync(path)
  const paths = (accounts: { home: string; uid: number }[]) => secretPaths(accounts)

  it('are those of the host and what is there of each home, never of /', () => {
    const found = paths([
      { home, uid },
      { home, uid },
      { home: '/', uid },
      { home: 'nowhere', uid },
    ])
    assert.ok(found.includes('/etc/shadow') && found.includes(join(home, '.ssh')))
    assert.ok(!found.includes('/.ssh') && !found.includes(join(home, '.aws')))
    assert.equal(new Set(found).size, found.length)
  })
  it('are followed to what is the account’s own, and not to what it only wants hidden', (t) => {
    if (process.getuid?.() !== 0) return t.skip('only root can give a file away')
    symlinkSync(dotfiles, join(home, '.gnupg'))
    symlinkSync(logs, join(home, '.aws'))
    symlinkSync('/proc', join(home, '.azure'))
    chownSync(dotfiles, uid, uid)
    const found = paths([{ home, uid }])
    assert.ok(found.includes(dotfiles))
    assert.deepEqual([found.includes(logs), found.includes('/proc')], [false, false])
  })
})
