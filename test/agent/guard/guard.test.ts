import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compilePolicy, loadPolicy, refuseLane } from '../../../agent/guard/policy.ts'
import { secretPaths } from '../../../agent/guard/secret-paths.ts'

describe('the host’s own policy', () => {
  const lanes = (content: unknown) =>
    (['read', 'act'] as const).map((lane) => refuseLane(compilePolicy(content), lane) === undefined)

  it('allows both lanes where there is none, or an empty one', async () => {
    assert.deepEqual(lanes(undefined), [true, true])
    assert.deepEqual(lanes({}), [true, true])
    assert.equal((await loadPolicy('/nonexistent')).ok, true)
  })
  it('has switches that do what they say, in their one spelling', () => {
    assert.deepEqual(lanes({ read_only: true }), [true, false])
    assert.deepEqual(lanes({ read_only: false }), [true, true])
    assert.deepEqual(lanes({ lanes: { act: false } }), [true, false])
    assert.deepEqual(lanes({ lanes: { read: false } }), [false, true])
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
    ]
    for (const content of unclear) assert.deepEqual(lanes(content), [false, false], JSON.stringify(content))
  })
  it('names its file when it refuses', () => {
    assert.match(refuseLane(compilePolicy({ x: 1 }), 'act')?.details.reason ?? '', /^policy\.yaml knows only/)
  })
  it('lists the paths that shall not be seen', () => {
    const answer = compilePolicy({ denied_paths: ['/srv/a', '/srv/b'] })
    assert.deepEqual(answer.ok && answer.policy.deniedPaths, ['/srv/a', '/srv/b'])
  })
})

describe('secret paths', () => {
  it('are those of the host and of each home, never of /', () => {
    const paths = secretPaths(['/root', '/home/a', '/home/a', '/', 'nowhere'])
    assert.ok(paths.includes('/etc/shadow') && paths.includes('/home/a/.ssh') && paths.includes('/root/.aws'))
    assert.ok(!paths.includes('/.ssh'))
    assert.equal(new Set(paths).size, paths.length)
  })
})
