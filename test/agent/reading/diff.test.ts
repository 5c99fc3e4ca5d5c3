import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, it } from 'node:test'
import { diffContents, diffFiles } from '../../../agent/reading/diff.ts'
import { changesBetween } from '../../../agent/reading/edits.ts'
import { fixtureRoot, refusal } from '../../helpers/fixture-root.ts'

/** Small numbers without a pattern, the same each time. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff
    yield state >> 8
  }
}

describe('comparing two files', () => {
  it('says what patch(1) can carry out', async (t) => {
    const host = fixtureRoot(t)
    const random = numbers(7)
    const next = (below: number): number => random.next().value % below
    for (let round = 0; round < 40; round++) {
      const lines = Array.from({ length: next(60) }, () => `line ${next(9)}`)
      const other = lines.flatMap(
        (line) => [[line], [line], [line], [], [`new ${next(9)}`], [line, 'more']][next(6)] ?? [],
      )
      const text = (list: string[]) =>
        list
          .map((line) => `${line}\n`)
          .join('')
          .slice(0, next(4) === 0 ? -1 : undefined)
      host.put('/srv/a', text(lines))
      host.put('/srv/b', text(other))
      const diff = await diffFiles(host.reach(), { from: '/srv/a', to: '/srv/b', ring: 'normal' })
      host.put('/srv/diff', diff.text)
      const real = spawnSync('diff', [
        '-u',
        '--label',
        '/srv/a',
        '--label',
        '/srv/b',
        host.at('/srv/a'),
        host.at('/srv/b'),
      ])
      assert.equal(diff.same, real.status === 0)
      const size = (text: string) => text.split('\n').filter((line) => /^[-+](?![-+]{2} )/.test(line)).length
      assert.ok(size(diff.text) <= size(real.stdout.toString()), 'not longer than the shortest that diff finds')
      const patched = spawnSync('patch', ['-s', '-o', host.at('/srv/out'), host.at('/srv/a'), host.at('/srv/diff')])
      if (diff.same || patched.error) continue
      assert.equal(patched.status, 0, `${patched.stdout}${diff.text}`)
      assert.equal(spawnSync('cmp', [host.at('/srv/out'), host.at('/srv/b')]).status, 0, diff.text)
    }
  })
  it('looks like diff -u', () => {
    const before = Array.from({ length: 30 }, (_, n) => `l${n}\n`)
    const after = before.with(3, 'changed\n').toSpliced(20, 1)
    const diff = diffContents('/srv/x', Buffer.from(before.join('')), Buffer.from(after.join('')))
    assert.equal(
      diff.text,
      '--- /srv/x\n+++ /srv/x\n@@ -1,7 +1,7 @@\n l0\n l1\n l2\n-l3\n+changed\n l4\n l5\n l6\n@@ -18,7 +18,6 @@\n l17\n l18\n l19\n-l20\n l21\n l22\n l23\n',
    )
    assert.deepEqual([diff.added, diff.removed, diff.leftOut], [1, 2, 0])
    assert.match(
      diffContents('/srv/x', undefined, Buffer.from('a\n')).text,
      /^--- \/dev\/null\n\+\+\+ \/srv\/x\n@@ -0,0 \+1 @@\n\+a\n$/,
    )
  })
  it('takes what has nothing in common as one change, within bounds', () => {
    const [a, b] = [Array.from({ length: 5000 }, (_, n) => `a${n}`), Array.from({ length: 5000 }, (_, n) => `b${n}`)]
    assert.deepEqual(changesBetween(['same', ...a], ['same', ...b]), [{ aFrom: 1, aTo: 5001, bFrom: 1, bTo: 5001 }])
    const diff = diffContents('/x', Buffer.from(`${'a'.repeat(99)}\n`.repeat(9_000)), Buffer.from('b\n'))
    assert.ok(diff.leftOut > 0 && diff.text.length <= 262_144 && diff.removed === 9_000)
  })
  it('shows no secret, and not whether two of them are near each other', async (t) => {
    const host = fixtureRoot(t)
    const config = (password: string) => `user=app\nDB_PASSWORD=${password}\nport=1\n`
    host.put('/srv/a', config('kX9vQ2mZ7pL4'))
    host.put('/srv/b', config('kX9vQ2mZ7pL5'))
    host.put('/srv/c', config('kX9vQ2mZ7pL4'))
    const diff = await diffFiles(host.reach(), { from: '/srv/a', to: '/srv/b', ring: 'normal' })
    assert.ok(!diff.text.includes('kX9v'))
    assert.equal((await diffFiles(host.reach(), { from: '/srv/a', to: '/srv/c', ring: 'normal' })).same, true)
  })
  it('refuses what is no text, or too much', async (t) => {
    const host = fixtureRoot(t)
    host.put('/srv/a', Buffer.alloc(99))
    host.put('/srv/b', 'x'.repeat(1_100_000))
    const diff = (from: string) => diffFiles(host.reach(), { from, to: from, ring: 'normal' })
    await assert.rejects(diff('/srv/a'), refusal('POLICY_DENIED', 'binary'))
    await assert.rejects(diff('/srv/b'), refusal('OUTPUT_TOO_LARGE'))
  })
})
