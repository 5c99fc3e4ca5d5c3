import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  lstatSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { describe, it, type TestContext } from 'node:test'
import { CatalogueError } from '#proto/contract/errors.ts'
import { refusalText } from '../../../agent/writing/commands.ts'
import { keepPreimage } from '../../../agent/writing/preimages.ts'
import type { Writing } from '../../../agent/writing/target.ts'
import { planChange, removeFile, undoChange, writeFile } from '../../../agent/writing/write.ts'
import { fixtureRoot, refusal } from '../../helpers/fixture-root.ts'

const FILE = '/srv/app/config.yml'
const isRoot = process.getuid?.() === 0

function world(t: TestContext, files?: unknown) {
  const host = fixtureRoot(t, files)
  host.put(FILE, 'old\n', 0o640)
  const writing: Writing = { ...host.reach(), hostKey: Buffer.alloc(32, 3), preimages: host.at('/state/undo') }
  const text = (path = FILE) => readFileSync(host.at(path), 'utf8')
  const expected = (path = FILE) => planChange(writing, path).expected
  const write = (content: string, path = FILE, revision = expected(path)) =>
    writeFile(writing, { path, content: Buffer.from(content), expected: revision })
  const leftovers = () => readdirSync(host.at('/srv/app')).filter((name) => name.startsWith('.mttrly'))
  return { ...host, writing, text, expected, write, leftovers }
}

describe('writing a file', () => {
  it('replaces it in one step and keeps what is not its content', (t) => {
    const host = world(t)
    if (isRoot) chownSync(host.at(FILE), 1234, 4321)
    chmodSync(host.at(FILE), 0o604)
    const before = statSync(host.at(FILE))
    const { path, revision } = host.write('new\n')
    const after = statSync(host.at(FILE))
    assert.deepEqual([path, host.text()], [FILE, 'new\n'])
    assert.equal(revision, host.expected())
    assert.notEqual(after.ino, before.ino)
    assert.deepEqual([after.mode, after.uid, after.gid], [before.mode, before.uid, before.gid])
    assert.ok(after.mtimeMs >= before.mtimeMs)
    assert.deepEqual(host.leftovers(), [])
  })
  it('keeps extended attributes, where a SELinux label and an ACL are', (t) => {
    const host = world(t)
    const python = (code: string) =>
      spawnSync('python3', ['-c', `import os,sys\n${code}`, host.at(FILE)], { encoding: 'utf8' })
    const set = python('os.setxattr(sys.argv[1],"user.label",b"kept")')
    if (set.status !== 0) return t.skip('no extended attributes here')
    host.write('new\n')
    assert.equal(python('print(os.getxattr(sys.argv[1],"user.label").decode())').stdout, 'kept\n')
  })
  it('makes a new one for the owner of its directory', (t) => {
    const host = world(t)
    if (isRoot) chownSync(host.at('/srv/app'), 1234, 1234)
    host.write('hi', '/srv/app/new')
    const { mode, uid } = statSync(host.at('/srv/app/new'))
    assert.deepEqual([mode & 0o7777, uid], [0o644, isRoot ? 1234 : process.getuid?.()])
    assert.equal(lstatSync(host.at('/srv/app/new')).nlink, 1)
    assert.throws(() => host.write('x', '/srv/none/new'), refusal('NOT_FOUND'))
  })
  it('writes through a link to the file it leads to, and leaves the link', (t) => {
    const host = world(t)
    symlinkSync('app/config.yml', host.at('/srv/link'))
    assert.equal(host.write('new\n', '/srv/link').path, FILE)
    assert.ok(lstatSync(host.at('/srv/link')).isSymbolicLink())
    assert.equal(host.text(), 'new\n')
  })
  it('refuses when it is not what was approved any more', (t) => {
    const host = world(t)
    const expected = host.expected()
    writeFileSync(host.at(FILE), 'somebody else\n')
    assert.throws(() => host.write('new\n', FILE, expected), refusal('POLICY_DENIED', 'changed_since'))
    assert.throws(() => host.write('x', '/srv/app/new', expected), refusal('POLICY_DENIED', 'changed_since'))
    host.put('/srv/app/made', 'meanwhile')
    const unaware = { path: '/srv/app/made', content: Buffer.from('x'), expected: undefined }
    assert.throws(() => writeFile(host.writing, unaware), refusal('POLICY_DENIED', 'changed_since'))
    assert.deepEqual([host.text(), host.text('/srv/app/made'), host.leftovers()], ['somebody else\n', 'meanwhile', []])
    assert.equal(readdirSync(host.root).includes('state'), false, 'nothing was kept for what did not happen')
  })
  it('shows what it would do, and nothing that is secret', (t) => {
    const host = world(t)
    host.put(FILE, 'a\npassword=Tr0ub4dor3x\n')
    const plan = planChange(host.writing, FILE, Buffer.from('b\npassword=Tr0ub4dor4x\n'))
    assert.match(plan.diff?.text ?? '', /-a\n.*\+b\n/s)
    assert.ok(!plan.diff?.text.includes('Tr0ub'))
    assert.equal(plan.canUndo, true)
    assert.deepEqual(plan.size, { before: 23, after: 23 })
    const fresh = planChange(host.writing, '/srv/app/new', Buffer.from('x\n'))
    assert.deepEqual([fresh.expected, fresh.diff?.added], [undefined, 1])
    assert.equal(planChange(host.writing, FILE, Buffer.alloc(99)).diff, undefined)
  })
  it('refuses more than can be kept, and what is no plain file', (t) => {
    const host = world(t)
    assert.throws(() => host.write('x'.repeat(16 * 1024 * 1024 + 1)), refusal('OUTPUT_TOO_LARGE'))
    assert.throws(() => host.write('x', '/srv/app', 'x'), refusal('POLICY_DENIED', 'not_a_file'))
    chmodSync(host.at(FILE), 0o4755)
    assert.throws(() => host.write('x', FILE, 'x'), refusal('POLICY_DENIED', 'set_id'))
  })
})

describe('undoing', () => {
  it('brings back what was written over, with its owner and mode, and can be undone', (t) => {
    const host = world(t)
    const { undo = '' } = host.write('new\n')
    chmodSync(host.at(FILE), 0o600)
    const again = undoChange(host.writing, undo)
    assert.deepEqual([host.text(), statSync(host.at(FILE)).mode & 0o777], ['old\n', 0o640])
    assert.throws(
      () => undoChange(host.writing, undo),
      (error) => {
        assert.ok(error instanceof CatalogueError)
        assert.equal(
          refusalText(error),
          `refused, nothing was changed: There is no change of this id that could be undone: it was undone already, or is too old to be kept. (NOT_FOUND, undo ${undo})\n`,
        )
        return true
      },
    )
    undoChange(host.writing, again.undo ?? '')
    assert.equal(host.text(), 'new\n')
  })
  it('takes away what was made, and brings back what was deleted', (t) => {
    const host = world(t)
    const made = host.write('x', '/srv/app/new')
    undoChange(host.writing, made.undo ?? '')
    assert.throws(() => host.text('/srv/app/new'))
    const gone = removeFile(host.writing, { path: FILE, expected: host.expected() ?? '' })
    assert.throws(() => host.text())
    undoChange(host.writing, gone.undo ?? '')
    assert.deepEqual([host.text(), statSync(host.at(FILE)).mode & 0o777], ['old\n', 0o640])
  })
  it('refuses when somebody has changed it since, or the host’s rules have', (t) => {
    const host = world(t)
    const { undo = '' } = host.write('new\n')
    writeFileSync(host.at(FILE), 'later\n')
    assert.throws(() => undoChange(host.writing, undo), refusal('POLICY_DENIED', 'changed_since'))
    writeFileSync(host.at(FILE), 'new\n')
    const { rules } = fixtureRoot(t, { managed: [] }).reach()
    assert.throws(() => undoChange({ ...host.writing, rules }, undo), refusal('POLICY_DENIED', 'not_allowlisted'))
    for (const id of ['', '../../etc/shadow', 'x'])
      assert.throws(() => undoChange(host.writing, id), refusal('NOT_FOUND'))
  })
  it('keeps what was there for nobody else, and not without end', (t) => {
    const host = world(t)
    for (let n = 0; n < 205; n++)
      keepPreimage(host.writing.preimages, { path: FILE, after: undefined, before: undefined })
    const { undo = '' } = host.write('new\n')
    assert.ok(readdirSync(host.writing.preimages).includes(undo), 'the newest stays')
    const kept = readdirSync(host.writing.preimages)
    assert.equal(kept.length, 200)
    assert.equal(statSync(host.writing.preimages).mode & 0o777, 0o700)
    for (const name of kept) assert.equal(statSync(`${host.writing.preimages}/${name}`).mode & 0o777, 0o600)
  })
})

describe('deleting a file', () => {
  it('refuses what it could not bring back, unless that was approved', (t) => {
    const host = world(t)
    host.put('/var/log/huge.log', Buffer.alloc(17 * 1024 * 1024, 'x'))
    const plan = planChange(host.writing, '/var/log/huge.log')
    assert.equal(plan.canUndo, false)
    const request = { path: '/var/log/huge.log', expected: plan.expected ?? '' }
    assert.throws(() => removeFile(host.writing, request), refusal('OUTPUT_TOO_LARGE', 'cannot_be_undone'))
    assert.equal(removeFile(host.writing, { ...request, forGood: true }).undo, undefined)
    assert.throws(() => statSync(host.at('/var/log/huge.log')))
  })
})
