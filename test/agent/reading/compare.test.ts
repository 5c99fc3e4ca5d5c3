import assert from 'node:assert/strict'
import { utimesSync } from 'node:fs'
import { describe, it } from 'node:test'
import { compareTrees } from '../../../agent/reading/compare.ts'
import { type FixtureRoot, fixtureRoot, refusal } from '../../helpers/fixture-root.ts'

const compare = (host: FixtureRoot, source = '/srv/app/src', dist = '/srv/app/dist') =>
  compareTrees(host.reach(), { source, dist, ring: 'normal' })
const map = (sources: string[], sourcesContent?: string[]): string =>
  JSON.stringify({ version: 3, sources, sourcesContent, mappings: '' })

describe('comparing a source with what was built', () => {
  it('goes by content, and by the text that maps hold', (t) => {
    const host = fixtureRoot(t)
    for (const [name, text] of Object.entries({
      'a.ts': 'a',
      'b.ts': 'b new',
      'lib/c.ts': 'c',
      'logo.svg': 'logo',
      'page.html': 'new',
      'lost.ts': 'lost',
      'x.test.ts': 'test',
    }))
      host.put(`/srv/app/src/${name}`, text)
    host.put('/srv/app/dist/a.js', 'var a')
    host.put('/srv/app/dist/a.js.map', map(['../src/a.ts'], ['a']))
    host.put('/srv/app/dist/main-3f9a.js', 'bundle')
    host.put(
      '/srv/app/dist/main-3f9a.js.map',
      map(['webpack:///./src/b.ts', 'webpack://app/src/lib/c.ts?1234', '../node_modules/x/i.js'], ['b old', 'c', 'x']),
    )
    host.put('/srv/app/dist/logo.svg', 'logo')
    host.put('/srv/app/dist/page.html', 'old')
    host.put('/srv/app/dist/old-feature.js', 'who knows')
    host.put('/srv/app/dist/a.d.ts', 'types')
    host.put('/srv/app/dist/manifest.json', '{}')
    const report = compare(host)
    assert.deepEqual(report.fresh.names, ['a.ts', 'lib/c.ts', 'logo.svg'])
    assert.deepEqual(report.stale.names, ['b.ts', 'page.html'])
    assert.deepEqual(report.missing.names, ['lost.ts'])
    assert.deepEqual(report.extra.names, ['old-feature.js'])
    assert.deepEqual([report.unverified.count, report.maps, report.shortened], [0, 2, []])
  })
  it('says what it cannot know, and what was changed since', (t) => {
    const host = fixtureRoot(t)
    host.put('/srv/app/src/a.ts', 'a')
    host.put('/srv/app/src/b.ts', 'b')
    host.put('/srv/app/dist/a.js', 'a')
    host.put('/srv/app/dist/b.js', 'b')
    host.put('/srv/app/dist/b.js.map', map(['../src/b.ts']))
    utimesSync(host.at('/srv/app/src/a.ts'), 2_000, 2_000)
    utimesSync(host.at('/srv/app/dist/a.js'), 1_000, 1_000)
    utimesSync(host.at('/srv/app/src/b.ts'), 1_000, 1_000)
    assert.deepEqual(compare(host).unverified, { count: 2, names: ['a.ts', 'b.ts'], newer: 1 })
  })
  it('takes a build within its source for what it is, and survives maps that are none', (t) => {
    const host = fixtureRoot(t)
    host.put('/srv/app/index.js', 'x')
    host.put('/srv/app/node_modules/y/index.js', 'y')
    host.put('/srv/app/dist/index.js', 'x')
    for (const [n, text] of [
      '',
      '[]',
      '{"sources":[1,null]}',
      '{"sources":7}',
      '{',
      '{"sources":["../../../../../../etc/shadow"],"sourcesContent":[{}]}',
    ].entries())
      host.put(`/srv/app/dist/m${n}.js.map`, text)
    const report = compare(host, '/srv/app', '/srv/app/dist')
    assert.deepEqual([report.fresh.names, report.missing.count, report.files.source], [['index.js'], 0, 1])
    assert.throws(() => compare(host, '/srv/app', '/root/dist'), refusal('POLICY_DENIED', 'not_allowlisted'))
  })
})
