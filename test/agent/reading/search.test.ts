import assert from 'node:assert/strict'
import { symlinkSync } from 'node:fs'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { type SearchRequest, searchFiles } from '../../../agent/reading/search.ts'
import { countLines } from '../../../agent/reading/text.ts'
import { type FixtureRoot, fixtureRoot, refusal } from '../../helpers/fixture-root.ts'

const search = (host: FixtureRoot, needle: string, more: Partial<SearchRequest> = {}) =>
  searchFiles(host.reach(), { root: '/var/log', needle, ring: 'normal', ...more })
const shown = ({ hits }: Awaited<ReturnType<typeof search>>): string[] =>
  hits.map(({ path, line, text }) => `${path}:${line}:${text}`)

describe('searching files', () => {
  it('finds a literal in a tree, with line numbers, also in what was rotated and packed', async (t) => {
    const host = fixtureRoot(t)
    host.put('/var/log/a.log', 'one\ntwo needle\nthree\nneedle')
    host.put('/var/log/b/c.log', `${'x\n'.repeat(70_000)}a [needle]\n`)
    host.put('/var/log/b/old.log.1.gz', gzipSync('zip\nneedle packed\n'))
    host.put('/var/log/b/image', Buffer.concat([Buffer.alloc(100), Buffer.from('needle')]))
    host.put('/srv/needle', 'needle')
    symlinkSync('/srv/needle', host.at('/var/log/link'))
    const found = await search(host, 'needle')
    assert.deepEqual(shown(found), [
      '/var/log/a.log:2:two needle',
      '/var/log/a.log:4:needle',
      '/var/log/b/c.log:70001:a [needle]',
      '/var/log/b/old.log.1.gz:2:needle packed',
    ])
    assert.deepEqual([found.files, found.passed.binary, found.shortened], [4, 1, []])
    assert.deepEqual(shown(await search(host, 'needle', { names: '*.log' })).length, 3)
    assert.deepEqual(shown(await search(host, 'needle', { root: '/var/log/a.log' })).length, 2)
    assert.deepEqual(shown(await search(host, '[need.*')), [], 'nothing is a pattern')
  })
  it('finds what lies over the border of two blocks, and over long distances', async (t) => {
    const host = fixtureRoot(t)
    const block = 1024 * 1024
    for (const shift of [-3, -1, 0, 1, 3]) {
      const filler = 'f'.repeat(99)
      const lines = `${filler}\n`.repeat(Math.floor((block + shift) / 100))
      const pad = 'p'.repeat(block + shift - lines.length)
      host.put('/var/log/big', `${lines}${pad}needle\n${`${filler}\n`.repeat(30_000)}and needle\n`)
      const { hits } = await search(host, 'needle')
      assert.equal(hits.length, 2, `shift ${shift}`)
      assert.deepEqual(
        hits.map(({ line }) => line),
        [lines.length / 100 + 1, lines.length / 100 + 30_002],
      )
    }
  })
  it('passes by an endless line, and goes on behind it', async (t) => {
    const host = fixtureRoot(t)
    host.put('/var/log/big', `a needle\n${'needle '.repeat(600_000)}\nthe last needle\n`)
    const found = await search(host, 'needle')
    assert.deepEqual(shown(found), ['/var/log/big:1:a needle', '/var/log/big:3:the last needle'])
    assert.equal(found.longLines, 1)
  })
  it('ends a flood, and says so', async (t) => {
    const host = fixtureRoot(t)
    for (let n = 0; n < 9; n++) host.put(`/var/log/${n}`, 'needle\n'.repeat(10_000))
    const found = await search(host, 'needle')
    assert.equal(found.hits.length, 200)
    assert.deepEqual(found.shortened, ['hits_of_one_file', 'hits'])
    let now = 0
    const late = await searchFiles(
      host.reach([], () => (now += 4_000)),
      { root: '/var/log', needle: 'none', ring: 'normal' },
    )
    assert.deepEqual(late.shortened, ['time'])
    assert.ok(late.files < 9)
  })
  it('shows the part of a long line that it found', async (t) => {
    const host = fixtureRoot(t)
    host.put('/var/log/a', `${'é'.repeat(40_000)}needle${'ü'.repeat(40_000)}\n`)
    const [hit] = (await search(host, 'needle')).hits
    assert.ok(hit)
    assert.ok(hit.text.includes('needle') && hit.text.length <= 512)
    assert.ok(!hit.text.toString().includes('\ufffd'))
  })
  it('refuses a needle that is none', async (t) => {
    const host = fixtureRoot(t)
    host.put('/var/log/a', '')
    for (const needle of ['', 'a\nb', 'a\0', 'x'.repeat(257)])
      await assert.rejects(search(host, needle), refusal('VALIDATION_ERROR'))
  })
  it('counts lines as one would', () => {
    const text = Buffer.from(`\n${'ab\n'.repeat(5000)}\n\nx\u000a\u000b\u008a\n`)
    for (let from = 0; from < 9; from++)
      for (let cut = 0; cut < 9; cut++) {
        const part = text.subarray(from, text.length - cut)
        assert.equal(countLines(part), part.toString('latin1').split('\n').length - 1)
      }
  })
})
