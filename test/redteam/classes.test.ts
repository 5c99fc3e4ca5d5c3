// The tables of attack classes A, B and C (attacks/), at the rooms that stand against them: the classifier, the rooms of files over a
// directory that stands in for a host's root, and the redactor. test/guest/attacks.test.ts goes through them on an installed host.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { createRedactor, redactText } from '#proto/redaction/redactor.ts'
import { compareTrees } from '../../agent/reading/compare.ts'
import { diffFiles } from '../../agent/reading/diff.ts'
import { readFile } from '../../agent/reading/read.ts'
import { searchFiles } from '../../agent/reading/search.ts'
import { planChange, writeFile } from '../../agent/writing/write.ts'
import { classify } from '../../central/commands/classify.ts'
import { plainText } from '../../central/domain/text.ts'
import { fixtureRoot } from '../helpers/fixture-root.ts'
import { type Attack, filled, KEPT, KEPTFILE, tells, textsOf } from './attacks/attack.ts'
import { COMMAND_ATTACKS } from './attacks/commands.ts'
import { FILE_ATTACKS, HOSTILE_FILES, RACES, SWAPS } from './attacks/files.ts'
import { GUESSES, PASSWORD, PLACES, TOKEN, TRANSFORMATIONS, WRAPPED } from './attacks/secrets.ts'
import { HIDING, LEAVING, ORDERS } from './attacks/untrusted.ts'

const WORDS = { MARK: '/srv/marks/made', CALL: '127.0.0.1:9', KEPT, KEPTFILE }
const ALL: readonly Attack[] = [...COMMAND_ATTACKS, ...FILE_ATTACKS, ...RACES, ...TRANSFORMATIONS, ...LEAVING]
const namesOf = (attacks: readonly { name: string }[]) => attacks.map(({ name }) => name)

test('every item of the classes has its attacks, and each is told apart by its name', () => {
  const counts = Map.groupBy(ALL, ({ id }) => id)
  const items = [
    'A1',
    'A2',
    'A3',
    'A4',
    'A5',
    'A6',
    'A7',
    'A8',
    'A9',
    'A10',
    'B1',
    'B2',
    'B3',
    'B4',
    'B5',
    'B6',
    'C3',
    'F4',
  ]
  for (const item of items) assert.ok((counts.get(item)?.length ?? 0) >= 6, item)
  for (const [item, attacks] of counts) assert.equal(new Set(namesOf(attacks)).size, attacks.length, item)
  for (const others of [WRAPPED, ORDERS, HIDING]) {
    assert.ok(others.length >= 6)
    assert.equal(new Set(namesOf(others)).size, others.length)
  }
  assert.ok(PLACES.flatMap(({ looks }) => looks).length >= 6 && GUESSES.length >= 6)
})

test('no command of the tables is taken for a look', () => {
  const commands = ALL.filter(({ tool, holds }) => tool === 'execute_command' && holds === 'asked')
  const taken = commands.filter(({ args }) => classify(String(filled(args, WORDS).command)).kind !== 'ask')
  assert.deepEqual(namesOf(taken), [])
  assert.ok(commands.length > 300)
})
test('… and a look would be noticed', () => assert.equal(classify(`cat ${WORDS.MARK}`).kind, 'read'))

/** A tool as the rooms carry it out; what is written is written at once. */
function tried(on: ReturnType<typeof hostile>, tool: string, args: Readonly<Record<string, unknown>>): unknown {
  const { path, query, glob, lines = 200, from = 'tail' } = args as Record<string, string> & { lines?: number }
  const ring = tool === 'read_privileged_file' ? 'privileged' : 'normal'
  const wanted = { kind: from as 'head' | 'tail', lines }
  const [source, dist] = [String(args.source_path), String(args.dist_path)]
  const content = Buffer.from(String(args.content_base64 ?? ''), 'base64')
  switch (tool) {
    case 'read_file':
    case 'read_privileged_file':
      return readFile(on.reach, { path: String(path), ring, wanted })
    case 'search_files':
      return searchFiles(on.reach, { root: String(path), needle: String(query), ring, names: glob, maxHits: 50 })
    case 'diff_file':
      return diffFiles(on.reach, { from: String(args.from_path), to: String(args.to_path), ring })
    case 'compare_source_to_dist':
      return compareTrees(on.reach, { source, dist, ring })
    case 'write_file': {
      const { expected } = planChange(on.writing, String(path), content)
      return writeFile(on.writing, { path: String(path), content, expected })
    }
    default:
      return planChange(on.writing, String(path), undefined)
  }
}

function hostile(t: { after(hook: () => void): void }) {
  const root = fixtureRoot(t)
  const script = HOSTILE_FILES.replaceAll('$R', root.root).replaceAll('KEPT', KEPT)
  assert.equal(spawnSync('/bin/bash', ['-ec', script]).status, 0)
  const reach = root.reach(['/etc/ssl/private', '/root/.ssh', '/home/bob/.ssh', '/home/bob/.aws'], () =>
    performance.now(),
  )
  return { ...root, reach, writing: { ...reach, hostKey: Buffer.alloc(32, 1), preimages: root.at('/state/undo') } }
}

type Answer = { ok: boolean; text: string }
async function answered(work: () => unknown): Promise<Answer> {
  try {
    const answer = await work()
    const said =
      JSON.stringify(answer, (_key, each) => (each?.type === 'Buffer' ? String(Buffer.from(each.data)) : each)) ?? ''
    return { ok: true, text: said }
  } catch (error) {
    assert.ok((error as { code?: string }).code?.match(/^[A-Z_]+$/), String(error))
    return { ok: false, text: JSON.stringify(error) }
  }
}

describe('files', () => {
  const rows = [...COMMAND_ATTACKS, ...FILE_ATTACKS].filter(
    ({ tool, args }) => tool.includes('file') && !String(args.path).match(/^[a-z-]+:/),
  )
  test('are not reached by any row of the table, and nothing is changed', async (t) => {
    const on = hostile(t)
    const before = spawnSync('/bin/bash', [
      '-c',
      `cd ${on.root}; find etc root home -type f | sort | xargs -d '\\n' sha256sum`,
    ])
    const wrong: string[] = []
    for (const { id, name, tool, args, holds } of rows) {
      const answer = await answered(() => tried(on, tool, filled(args, WORDS)))
      if (answer.text.includes(KEPT)) wrong.push(`${id} ${name}: told ${answer.text.slice(0, 200)}`)
      if (holds === 'refused' && answer.ok) wrong.push(`${id} ${name}: answered ${answer.text.slice(0, 200)}`)
    }
    assert.deepEqual(wrong, [])
    const after = spawnSync('/bin/bash', [
      '-c',
      `cd ${on.root}; find etc root home -type f | sort | xargs -d '\\n' sha256sum`,
    ])
    assert.equal(String(after.stdout), String(before.stdout))
    assert.ok(String(before.stdout).includes('etc/ssl/private/kept'))
  })
  test('… and what is told would be noticed', async (t) => {
    const open = fixtureRoot(t)
    open.put('/srv/kept', KEPT)
    const wanted = { kind: 'page' } as const
    const told = await answered(() => readFile(open.reach(), { path: '/srv/kept', ring: 'normal', wanted }))
    assert.ok(told.ok && told.text.includes(KEPT))
  })
  test('are not reached while they are swapped', async (t) => {
    const on = hostile(t)
    const loop = `while :; do ${SWAPS.trim().replaceAll('\n', ';').replaceAll('$R', on.root)}; done 2>/dev/null`
    const swapper = spawn('/bin/bash', ['-c', loop], { stdio: 'ignore' })
    const seen = { answered: 0, refused: 0 }
    try {
      for (let round = 0; round < 25; round++)
        for (const { name, tool, args } of RACES) {
          const answer = await answered(() => tried(on, tool, args))
          assert.ok(!answer.text.includes(KEPT), `${name} told it`)
          seen[answer.ok ? 'answered' : 'refused']++
          await new Promise((resolve) => setImmediate(resolve))
        }
    } finally {
      swapper.kill('SIGKILL')
      await new Promise((resolve) => swapper.once('exit', resolve))
    }
    assert.ok(seen.answered > 0 && seen.refused > 0, JSON.stringify(seen))
    assert.deepEqual(readdirSync(on.at('/etc/ssl/private')), ['kept'])
    assert.equal(readFileSync(on.at('/etc/ssl/private/kept'), 'utf8'), `${KEPT}\n`)
  })
})

describe('secrets', () => {
  test('are taken out of every wrapping, however it is cut into pieces', () => {
    const wrong: string[] = []
    for (const { name, text, secret } of WRAPPED) {
      assert.ok(tells(text, secret), `it would be noticed: ${name}`)
      if (tells(redactText(text, {}).text, secret)) wrong.push(name)
      if (tells(redactText(`before\n${text}\nbehind\n`, {}).text, secret)) wrong.push(`${name}, among lines`)
      const redactor = createRedactor({})
      const bytes = Buffer.from(text)
      const pieces = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, at) => bytes.subarray(at * 7, at * 7 + 7))
      const cut = Buffer.concat([...pieces.map((piece) => Buffer.from(redactor.push(piece))), redactor.end()])
      if (tells(cut.toString(), secret)) wrong.push(`${name}, in pieces`)
    }
    assert.deepEqual(wrong, [])
  })
  test('are told by no search, to whoever guesses', async (t) => {
    const on = fixtureRoot(t)
    for (const [at, { text }] of WRAPPED.entries()) on.put(`/srv/c/${at}.txt`, `${text}\n`)
    on.put('/srv/c/env.txt', `DB_PASSWORD=${PASSWORD}\nTOKEN=${TOKEN}\n`)
    const ask = async (needle: string) =>
      (await searchFiles(on.reach(), { root: '/srv/c', needle, ring: 'normal' })).hits.map(({ path }) => path)
    for (const guess of GUESSES) assert.deepEqual(await ask(guess), [], guess)
    assert.ok((await ask('DB_PASSWORD=')).length > 0)
  })
})

describe('text of a host', () => {
  test('shows what would hide, reorder or command in it', () => {
    for (const { name, text } of HIDING) {
      assert.notEqual(plainText(text), text, name)
      for (const each of textsOf(plainText(text))) assert.doesNotMatch(each, HIDDEN, name)
      assert.match(text, HIDDEN, `it would be noticed: ${name}`)
    }
  })
})
/** What a terminal obeys, and what a reader does not see. */
const HIDDEN = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u
