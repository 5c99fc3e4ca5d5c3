// Questions about files as a lane answers them, on this host's own root with rules for one directory. That the rules hold is
// tested in test/agent/reading; here, that each question gets the answer that the contract says, and nothing else does.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type FileQuestion, parseAnswer, type QuestionOf } from '#proto/contract/files.ts'
import { compilePolicy } from '../../../agent/guard/policy.ts'
import { answerFiles } from '../../../agent/lanes/files.ts'
import { emptyOutcome } from '../../../agent/lanes/words.ts'
import { refusal } from '../../helpers/fixture-root.ts'

const TOKEN = `ghp_${'a1B2c3D4e5'.repeat(4)}`.slice(0, 40)
const root = realpathSync(mkdtempSync(join(tmpdir(), 'mttrly-files-')))
after(() => rmSync(root, { recursive: true, force: true }))
before(() => {
  for (const name of ['src', 'dist']) mkdirSync(join(root, name))
  writeFileSync(join(root, 'app.log'), `first\nGH_TOKEN=${TOKEN}\nlast\n`)
  writeFileSync(join(root, 'old.log'), 'first\nlast\n')
  writeFileSync(join(root, 'src/a.css'), 'new')
  writeFileSync(join(root, 'dist/a.css'), 'old')
})

const told: (readonly string[])[] = []
type LaneOf = Parameters<typeof answerFiles>[1]
function lane(denied: readonly string[] = []): LaneOf {
  const answer = compilePolicy({ files: { read: [`${root}/**`], managed: [`${root}/**`] }, denied_paths: denied })
  assert.ok(answer.ok)
  const runVerb: LaneOf['runVerb'] = async (argv, _timeoutMs, caller) => {
    told.push(argv)
    await caller.output(0, Buffer.alloc(300 * 1024, 'x'))
    return emptyOutcome('RUN_STATE_EXITED', '')
  }
  return { policy: answer.policy, settings: { hostKey: Buffer.alloc(32, 7) }, caller: {}, runVerb } as unknown as LaneOf
}
const ask = async <Do extends FileQuestion['do']>(question: QuestionOf<Do> & { do: Do }, of = lane()) =>
  parseAnswer(question.do, await answerFiles(JSON.stringify(question), of))
const at = (name: string): string => join(root, name)
const ring = 'normal'

describe('a question about files', () => {
  it('reads lines, redacted', async () => {
    const wanted = { kind: 'page', lines: 2 } as const
    const answer = await ask({ do: 'read', path: at('app.log'), ring, wanted, maxBytes: 1000 })
    assert.ok(answer.kind === 'text')
    assert.match(answer.text, /^first\nGH_TOKEN=\[redacted:/)
    assert.equal(answer.redactions, 1)
    const rest = { kind: 'page', lines: 2, cursor: answer.next } as const
    const next = await ask({ do: 'read', path: at('app.log'), ring, wanted: rest, maxBytes: 1000 })
    assert.deepEqual(next.kind === 'text' && [next.text, next.next], ['last\n', undefined])
  })
  it('searches, and answers nothing about what is redacted', async () => {
    const found = await ask({ do: 'search', root, needle: 'first', names: '*.log', ring, maxHits: 10 })
    assert.deepEqual(
      found.hits.map(({ path, line }) => [path, line]),
      [
        [at('app.log'), 1],
        [at('old.log'), 1],
      ],
    )
    const secret = await ask({ do: 'search', root, needle: TOKEN.slice(0, 12), ring, maxHits: 10 })
    assert.deepEqual(secret.hits, [])
  })
  it('diffs and compares', async () => {
    const diff = await ask({ do: 'diff', from: at('old.log'), to: at('app.log'), ring })
    assert.match(diff.text, /^\+GH_TOKEN=\[redacted:/m)
    assert.doesNotMatch(diff.text, new RegExp(TOKEN))
    const compared = await ask({ do: 'compare', source: at('src'), dist: at('dist'), ring })
    assert.deepEqual(compared.stale, { count: 1, names: ['a.css'] })
  })
  it('plans a change without making it', async () => {
    const content = Buffer.from('first\nlatest\n').toString('base64')
    const plan = await ask({ do: 'plan', path: at('old.log'), content })
    assert.match(String(plan.diff?.text), /^-last\n\+latest$/m)
    assert.deepEqual([plan.path, plan.size, plan.canUndo], [at('old.log'), { before: 11, after: 13 }, true])
    assert.match(String(plan.expected), /^[0-9a-f]{64}$/)
    assert.equal(readFileSync(at('old.log'), 'utf8'), 'first\nlast\n')
    const removal = await ask({ do: 'plan', path: at('old.log') })
    assert.deepEqual([removal.expected, removal.diff?.removed], [plan.expected, 2])
    await assert.rejects(
      ask({ do: 'plan', path: '/etc/passwd', content }),
      refusal('POLICY_DENIED', 'persistence_point'),
    )
  })
  it('reads a unit’s journal by the verb, as much as an answer holds', async () => {
    const answer = await ask({ do: 'journal', unit: 'nginx.service', lines: 50 })
    assert.deepEqual(told.at(-1)?.slice(-4), ['-u', 'nginx.service', '-n', '50'])
    assert.deepEqual([answer.text.length, answer.shortened], [256 * 1024, true])
  })
  it('is refused outside the rules, and where it is none', async () => {
    const wanted = { kind: 'tail', lines: 1 } as const
    const read = (path: string, of = lane()) => ask({ do: 'read', path, ring, wanted, maxBytes: 1000 }, of)
    await assert.rejects(read('/etc/hostname'), refusal('POLICY_DENIED', 'not_allowlisted'))
    await assert.rejects(read(at('app.log'), lane([root])), refusal('POLICY_DENIED', 'denied_by_host'))
    await assert.rejects(read(at('none')), refusal('NOT_FOUND'))
    for (const json of ['', '{}', '{"do":"write","path":"/x"}', '[]', 'null'])
      await assert.rejects(answerFiles(json, lane()), refusal('VALIDATION_ERROR'))
  })
})
