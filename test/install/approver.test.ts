// What an approver is shown: all of it, and nothing that could steer the terminal or pass for another line.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Run, runDigest } from '#proto/contract/approval.ts'
import { sha256 } from '#proto/contract/canonical.ts'
import { barred, escaped, runLines } from '../../install/approver/show.ts'

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
