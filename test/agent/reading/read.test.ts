import assert from 'node:assert/strict'
import { appendFileSync, closeSync, ftruncateSync, openSync, renameSync, symlinkSync, writeSync } from 'node:fs'
import { describe, it } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import type { Reach } from '../../../agent/reading/reach.ts'
import { readFile, type TextRead, type Wanted } from '../../../agent/reading/read.ts'
import { fixtureRoot, refusal } from '../../helpers/fixture-root.ts'

const LOG = '/var/log/app.log'
const numbered = (count: number): string => Array.from({ length: count }, (_, index) => `line ${index + 1}\n`).join('')
const KEY = `-----BEGIN RSA PRIVATE KEY-----\n${`${'MIIEowIBAAKCAQEAsecretsecretsecretsecretsecretsecretsecretABCDEF0'}\n`.repeat(40)}-----END RSA PRIVATE KEY-----\n`

async function read(reach: Reach, wanted: Wanted, maxBytes?: number, path = LOG): Promise<TextRead> {
  const answer = await readFile(reach, { path, ring: 'normal', wanted, ...(maxBytes ? { maxBytes } : {}) })
  assert.equal(answer.kind, 'text')
  return answer as TextRead
}
async function pages(reach: Reach, maxBytes: number, path = LOG): Promise<TextRead[]> {
  const all: TextRead[] = []
  for (let cursor: string | undefined; ; ) {
    const page = await read(reach, { kind: 'page', cursor }, maxBytes, path)
    all.push(page)
    cursor = page.next
    if (cursor === undefined) return all
    assert.ok(all.length < 1000)
  }
}
const whole = (parts: readonly TextRead[]): string => Buffer.concat(parts.map(({ text }) => text)).toString()

describe('reading a file', () => {
  for (const [packed, pack] of [
    ['plain', (text: string) => Buffer.from(text)],
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ] as const) {
    it(`gives head, tail and lines, and says what is left out (${packed})`, async (t) => {
      const host = fixtureRoot(t)
      const text = numbered(50_000)
      host.put(LOG, pack(text))
      const reach = host.reach()
      const head = await read(reach, { kind: 'head', lines: 2 })
      assert.deepEqual([head.text.toString(), head.firstLine, head.before], ['line 1\nline 2\n', 1, 0])
      const tail = await read(reach, { kind: 'tail', lines: 2 })
      assert.equal(tail.text.toString(), 'line 49999\nline 50000\n')
      assert.deepEqual([tail.size, tail.before, tail.after, tail.next], [text.length, text.length - 22, 0, undefined])
      const lines = await read(reach, { kind: 'lines', from: 30_000, to: 30_001 })
      assert.deepEqual([lines.text.toString(), lines.firstLine], ['line 30000\nline 30001\n', 30_000])
      const beyond = await read(reach, { kind: 'lines', from: 60_000, to: 60_001 })
      assert.equal(beyond.text.length, 0)
      const cut = await read(reach, { kind: 'tail', lines: 40_000 }, 1000)
      assert.equal(cut.shortened, 'bytes')
      assert.ok(text.endsWith(cut.text.toString()) && cut.text.length <= 1000 && cut.text.length > 900)
    })
    it(`gives every byte once, page by page (${packed})`, async (t) => {
      const host = fixtureRoot(t)
      const text = `${numbered(3000)}${'x'.repeat(5000)}\nlast`
      host.put(LOG, pack(text))
      const all = await pages(host.reach(), 4096)
      assert.equal(whole(all), text)
    })
  }

  it('is the same text in pages as in one, but for what a border would cut from a key', async (t) => {
    const host = fixtureRoot(t)
    host.put(LOG, `${numbered(50)}password=hunter22secret\n${KEY}${numbered(50)}`)
    const all = await pages(host.reach(), 300)
    const text = whole(all)
    assert.ok(!/MIIE|secretsecret|hunter22/.test(text))
    assert.equal(text.match(/line \d+\n/g)?.length, 100)
    assert.ok(all.reduce((sum, { redactions }) => sum + redactions, 0) >= 2)
  })
  it('knows a key by what stands in front of the lines asked for', async (t) => {
    const host = fixtureRoot(t)
    host.put(LOG, `first\n${KEY}last\n`)
    for (const wanted of [
      { kind: 'lines', from: 5, to: 9 },
      { kind: 'tail', lines: 10 },
      { kind: 'tail', lines: 2 },
    ] as const)
      assert.ok(!(await read(host.reach(), wanted)).text.includes('MIIE'), JSON.stringify(wanted))
  })
  it('takes a made-up cursor for what it is', async (t) => {
    const host = fixtureRoot(t)
    host.put(LOG, `password=correcthorse9\n${numbered(500)}`)
    const reach = host.reach()
    const { next = '' } = await read(reach, { kind: 'page' }, 100)
    const ino = Buffer.from(next, 'base64url').toString().split('.')[0]
    const forge = (start: number) => Buffer.from(`${ino}.${start}.0`).toString('base64url')
    const page = (cursor: string) => read(reach, { kind: 'page', cursor })
    await assert.rejects(page(forge(9)), refusal('VALIDATION_ERROR', 'file_changed'))
    await assert.rejects(page('nonsense'), refusal('VALIDATION_ERROR', 'not_ours'))
    host.put('/var/log/new', 'other\n')
    renameSync(host.at('/var/log/new'), host.at(LOG))
    await assert.rejects(page(next), refusal('VALIDATION_ERROR', 'file_replaced'))
  })
  it('gives a long line in parts, and no secret at their borders', async (t) => {
    const host = fixtureRoot(t)
    const line = Array.from({ length: 3000 }, (_, n) => `"field${n}":"value ${n}","password":"Tr0ub4dor${n}x",`).join(
      '',
    )
    host.put(LOG, `before\n{${line}}\nafter\n`)
    const text = whole(await pages(host.reach(), 9999))
    assert.ok(!text.includes('Tr0ub4dor'))
    assert.ok(text.startsWith('before\n') && text.endsWith('after\n'))
    assert.equal(text.match(/value \d+/g)?.length, 3000)
  })
  it('leaves out the rest of an endless line and goes on behind it', async (t) => {
    const host = fixtureRoot(t)
    host.put(LOG, `a\n${'y'.repeat(3_000_000)}\nb\n`)
    const all = await pages(host.reach(), 1_000_000)
    assert.ok(all.some(({ shortened }) => shortened === 'long_line'))
    assert.ok(whole(all).endsWith('b\n'))
    const tail = await read(host.reach(), { kind: 'tail', lines: 2 }, 1000)
    assert.ok(tail.text.toString().endsWith('b\n'))
  })
  it('names what is binary instead of showing it, and does not mind a stray NUL', async (t) => {
    const host = fixtureRoot(t)
    host.put('/var/log/wtmp', Buffer.alloc(4096))
    const answer = await readFile(host.reach(), { path: '/var/log/wtmp', ring: 'normal', wanted: { kind: 'page' } })
    assert.equal(answer.kind, 'binary')
    assert.equal(answer.size, 4096)
    assert.match(answer.kind === 'binary' ? (answer.sha256 ?? '') : '', /^ad7facb2/)
    host.put(LOG, `${'\0'.repeat(20)}${numbered(200)}`)
    assert.ok((await read(host.reach(), { kind: 'head', lines: 1 })).text.includes('line 1'))
  })
  it('follows links to what is allowed, and names the real path', async (t) => {
    const host = fixtureRoot(t)
    host.put('/srv/releases/7/app.log', 'hello\n')
    host.put('/var/log/keep', '')
    symlinkSync('/srv/releases/7', host.at('/srv/current'))
    symlinkSync('../../srv/current/app.log', host.at('/var/log/link'))
    const answer = await read(host.reach(), { kind: 'page' }, undefined, '/var/log/link')
    assert.deepEqual([answer.path, answer.text.toString()], ['/srv/releases/7/app.log', 'hello\n'])
  })
  it('stops at the end the file had when it was opened, and says that it has changed', async (t) => {
    const host = fixtureRoot(t)
    host.put(LOG, numbered(10))
    const fd = openSync(host.at(LOG), 'a')
    t.after(() => closeSync(fd))
    const reach = host.reach([], () => {
      writeSync(fd, 'later\n')
      return 0
    })
    const answer = await read(reach, { kind: 'page' })
    assert.equal(answer.text.toString(), numbered(10))
    assert.equal(answer.changed, true)
    appendFileSync(host.at(LOG), 'x')
  })
  it('takes a tail of a terabyte of nothing as fast as of a page', async (t) => {
    const host = fixtureRoot(t)
    const fd = openSync(host.put(LOG, 'x\n'), 'r+')
    ftruncateSync(fd, 2 ** 40)
    writeSync(fd, '\nthe end\n', 2 ** 40)
    closeSync(fd)
    assert.equal((await read(host.reach(), { kind: 'tail', lines: 1 })).text.toString(), 'the end\n')
    let ticks = 0
    const late = host.reach([], () => (ticks += 5_000))
    const lines = await readFile(late, { path: LOG, ring: 'normal', wanted: { kind: 'lines', from: 9, to: 10 } })
    assert.equal(lines.kind, 'binary', 'it gave up looking for lines, and showed no bytes')
  })
  it('does not unpack a bomb', async (t) => {
    const host = fixtureRoot(t)
    const layer = gzipSync(Buffer.alloc(64 * 1024 * 1024, 'a\n'))
    host.put('/var/log/bomb.gz', Buffer.concat(Array.from({ length: 17 }, () => layer)))
    const rss = process.memoryUsage().rss
    await assert.rejects(
      read(host.reach(), { kind: 'tail', lines: 1 }, undefined, '/var/log/bomb.gz'),
      refusal('OUTPUT_TOO_LARGE'),
    )
    assert.ok(process.memoryUsage().rss - rss < 96 * 1024 * 1024)
    assert.equal(
      (await read(host.reach(), { kind: 'head', lines: 1 }, undefined, '/var/log/bomb.gz')).text.toString(),
      'a\n',
    )
    host.put('/var/log/torn.gz', gzipSync(numbered(9000)).subarray(0, 900))
    await assert.rejects(
      read(host.reach(), { kind: 'tail', lines: 1 }, undefined, '/var/log/torn.gz'),
      refusal('POLICY_DENIED', 'damaged_archive'),
    )
  })
  it('follows the links of a stock host to where its own rules let them lead', async (t) => {
    const host = fixtureRoot(t)
    host.put('/etc/hosts', '')
    for (const [link, target, real] of [
      ['/etc/os-release', '../usr/lib/os-release', '/usr/lib/os-release'],
      ['/etc/resolv.conf', '/run/resolvconf/resolv.conf', '/run/resolvconf/resolv.conf'],
    ] as const) {
      host.put(real, 'what it is\n')
      symlinkSync(target, host.at(link))
      const { text, path } = await read(host.reach(), { kind: 'head', lines: 1 }, undefined, link)
      assert.deepEqual([text.toString(), path], ['what it is\n', real])
    }
    host.put('/usr/lib/other', 'x')
    symlinkSync('../usr/lib/other', host.at('/etc/lsb-release'))
    await assert.rejects(
      read(host.reach(), { kind: 'head', lines: 1 }, undefined, '/etc/lsb-release'),
      refusal('POLICY_DENIED', 'not_allowlisted'),
    )
  })
  it('refuses what it cannot mean', async (t) => {
    const host = fixtureRoot(t)
    host.put(LOG, 'x')
    for (const wanted of [
      { kind: 'head', lines: 0 },
      { kind: 'tail', lines: -1 },
      { kind: 'lines', from: 1.5, to: 2 },
    ] as const)
      await assert.rejects(read(host.reach(), wanted), refusal('VALIDATION_ERROR'))
    await assert.rejects(read(host.reach(), { kind: 'page' }, undefined, '/var/log/none'), refusal('NOT_FOUND'))
  })
})
