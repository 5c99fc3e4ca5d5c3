// What an approver is shown: all of it, and nothing that could steer the terminal or pass for another line.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Run, runDigest } from '#proto/contract/approval.ts'
import { sha256 } from '#proto/contract/canonical.ts'
import { siteOf } from '../../install/approver/central.ts'
import { changeKept, makeKept, nameServer, readKept } from '../../install/approver/keeper.ts'
import { barred, escaped, folded, runLines, saidLines, widthOf } from '../../install/approver/show.ts'

const RUN: Run = {
  argv: ['/bin/sh', '-c', 'true'],
  cwd: '/srv',
  env: {},
  user: 'www-data',
  terminal: false,
  timeout_ms: 30_000,
}
const PLAIN = /^[\x20-\x7e]*$/

test('what is not plain ASCII stands there by its code, and what is shown can be told apart from what it names', () => {
  assert.equal(escaped('a\u202eb\u200bc\x1b[2K\r\tö'), 'a\\u{202e}b\\u{200b}c\\u{1b}[2K\\u{d}\\u{9}\\u{f6}')
  assert.notEqual(escaped('\\u{1b}'), escaped('\x1b'))
  assert.notEqual(escaped('\\n'), escaped('\n'))
  assert.equal(escaped('\u{1f600}\ud800'), '\\u{1f600}\\u{d800}')
})

test('every line of a text is behind a bar, and its end is to be seen', () => {
  assert.deepEqual(barred('one\ntwo\n'), ['    | one\\n', '    | two\\n'])
  assert.deepEqual(barred('one\n\ntwo'), ['    | one\\n', '    | \\n', '    | two'])
})

test('each part of a run is shown, with length and hash; none of it is left out however long it is', () => {
  const script = `${'x'.repeat(10_000)}\nServer       srv_other (harmless)\n`
  const bytes = Buffer.from([0xff, 0x00, 0x1b])
  const text = runLines({ ...RUN, argv: ['/bin/sh', '-c', script], env: { LD_PRELOAD: '/tmp/\x1b.so' } })
  assert.ok(text.every((line) => PLAIN.test(line)))
  assert.ok(text.includes(`    | ${'x'.repeat(10_000)}\\n`) && !text.includes('Server       srv_other (harmless)'))
  assert.ok(text.includes('    | LD_PRELOAD=/tmp/\\u{1b}.so') && text.includes('As user      www-data'))
  assert.ok(text.includes(`  [2] ${script.length} bytes, SHA-256 ${sha256(script)}`))

  const given = runLines({ ...RUN, input: Buffer.from('listen 80;\n').toString('base64') })
  assert.ok(given.includes('    | listen 80;\\n'))
  const binary = runLines({ ...RUN, input: bytes.toString('base64') })
  assert.ok(binary.includes(`Standard input: 3 bytes, SHA-256 ${sha256(bytes)}; no text, in base64`))
  assert.ok(binary.includes(`    | ${bytes.toString('base64')}`))
  assert.equal(runLines(RUN).at(-1), `Run          SHA-256 ${runDigest(RUN)}`)
})

test('no row of a terminal begins with what it names: long lines are broken by the tool, behind a mark', () => {
  const line = `    | ${' '.repeat(74)}Server       srv_other (harmless)`
  for (const columns of [undefined, 200, 80, 60, 20, 1]) {
    const rows = folded(line, columns)
    assert.equal(rows[0], line.slice(0, Math.max(20, columns ?? 1_000)))
    assert.ok(rows.slice(1).every((row) => row.startsWith('    : ') && row.length <= Math.max(20, columns ?? 0)))
    assert.equal(rows.map((row, at) => (at === 0 ? row : row.slice(6))).join(''), line)
  }
  assert.deepEqual(folded('short', 5), ['short'])
})

test('a terminal that does not know its width has the usual one', () => {
  assert.deepEqual(
    [{ isTTY: true, columns: 0 }, { isTTY: true }, { isTTY: true, columns: 132 }, { columns: 132 }].map(widthOf),
    [80, 80, 132, undefined],
  )
})

test('an API key goes nowhere in clear but to this machine', () => {
  for (const url of ['https://mttrly.example', 'http://127.0.0.1:8443', 'http://[::1]:1', 'http://localhost'])
    assert.equal(siteOf(url), url)
  for (const url of ['http://mttrly.example', 'http://127.0.0.1.example', 'http://127.example', 'ftp://localhost'])
    assert.throws(() => siteOf(url), /in clear/, url)
  assert.throws(() => siteOf('mttrly.example'), /no URL/)
})

test('what others say about it cannot push it out of sight', () => {
  assert.deepEqual(saidLines('one\ntwo'), ['    | one\\n', '    | two'])
  for (const text of ['x\n'.repeat(100), 'x'.repeat(100_000)]) {
    const lines = saidLines(text)
    assert.ok(lines.length <= 21 && lines.join('').length < 3_000)
    assert.equal(lines.at(-1), '    (and more)')
  }
})

test('a server keeps the name that it was given, and has it alone', (t) => {
  const home = mkdtempSync(join(tmpdir(), 'mttrly-approver-'))
  t.after(() => rmSync(home, { recursive: true, force: true }))
  makeKept(home, { name: 'anna', central: 'https://mttrly.example', token: 'x' })
  nameServer(home, 'srv_1', 'production')
  nameServer(home, 'srv_1', 'production')
  nameServer(home, 'srv_2', 'test')
  assert.throws(() => nameServer(home, 'srv_1', 'staging'), /srv_1 is production already/)
  assert.throws(() => nameServer(home, 'srv_1', 'test'), /already/)
  assert.throws(() => nameServer(home, 'srv_3', 'production'), /srv_1 is production already/)
  assert.deepEqual(readKept(home).servers, { srv_1: 'production', srv_2: 'test' })
  const { key } = readKept(home)
  changeKept(home, { token: 'y' })
  const { servers, token, key: after } = readKept(home)
  assert.deepEqual([servers, token, after.equals(key)], [{ srv_1: 'production', srv_2: 'test' }, 'y', true])
})
