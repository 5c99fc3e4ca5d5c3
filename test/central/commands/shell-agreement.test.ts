import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { argvsOf, classify } from '../../../central/commands/classify.ts'
import { isRecordable, runRecorded, type Shell, shells } from './shell-oracle.ts'

/*
 * The danger in a classifier is a line that it reads differently from the shell. These tests let a real bash, and the
 * system's sh, run every line that is called read-only, with recorders in place of all programs, and compare the argvs.
 */

const GOLDEN = new URL('../../golden/classifier/', import.meta.url)

/** Every line of the golden files, whatever is expected of it: the classifier's own word decides what is compared. */
const goldenLines = readdirSync(GOLDEN)
  .filter((name) => name.endsWith('.txt'))
  .flatMap((name) => readFileSync(new URL(name, GOLDEN), 'utf8').split('\n'))
  .filter((line) => line !== '' && !line.startsWith('##'))

const MUTATIONS =
  `; | & && || > < $ \` ( ) { } * ? [ ] ~ ! # ' " \\ \\\\ $IFS \${x} $x {a,b} {1..3} $'a' $'\\x3b' $"a" - -- = % ^ @( !( 2>&1
  2>/dev/null >/dev/null </dev/null &>/dev/null '' "" '' \\; \\' \\" "\\" '\\' <<< <( >( $( $((1)) a=b ; rm|rm &&rm $(id) \`id\` \\n \\t !! #x ;#
  if then fi do done time function coproc { } [[ ]] (( )) \\$x "$x" \\\` 1>&2 2>&- <<x ,, .. : + a[0] [!a] [a-z] [[:alpha:]] |& ;; ;&`
    .split(/\s+/)
    .concat([
      ' ',
      '\t',
      '\n',
      '\r',
      '\u00a0',
      '\\\n',
      ' \\\n',
      '\v',
      '\f',
      ' # ',
      ' ; ',
      '\n\n',
      ';\n',
      '|\n',
      '\\ ',
      ' \\',
      "' '",
      '" "',
      '\u2003',
      'é',
      '\0',
    ])

/** mulberry32: the same lines on every run. */
function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

function mutated(line: string, random: () => number, other: string): string {
  const pick = (n: number): number => Math.floor(random() * n)
  let text = line
  for (let i = 0; i <= pick(3); i++) {
    const at = pick(text.length + 1)
    const piece = MUTATIONS[pick(MUTATIONS.length)] as string
    const choice = pick(10)
    if (choice < 6) text = text.slice(0, at) + piece + text.slice(at)
    else if (choice < 8) text = text.slice(0, at) + text.slice(at + 1 + pick(3))
    else if (choice < 9) text = text.slice(0, at) + text.slice(at, at + 4).toUpperCase() + text.slice(at)
    else text = text.slice(0, at) + other.slice(pick(other.length))
  }
  return text
}

/** A program with a directory is found by no function, so a recorder cannot stand in for it. */
const hasNoDirectory = (line: string): boolean => argvsOf(line)?.every((argv) => !argv[0]?.includes('/')) ?? false

function isComparable(shell: Shell, line: string): boolean {
  return hasNoDirectory(line) && (argvsOf(line) ?? []).every(([name]) => isRecordable(shell, name as string))
}

const believed = (line: string): string[] =>
  [...new Set((argvsOf(line) ?? []).map((argv) => JSON.stringify(argv)))].toSorted()

function assertAgreement(shell: Shell, lines: readonly string[]): void {
  const ran = runRecorded(shell, lines)
  const differing = lines.filter((line, i) => JSON.stringify(ran[i]) !== JSON.stringify(believed(line)))
  assert.deepEqual(
    differing.map((line) => ({ line, believed: believed(line), ran: ran[lines.indexOf(line)] })),
    [],
  )
}

for (const shell of shells()) {
  test(`${shell.path} runs the golden read-only lines as they were understood`, () => {
    const lines = goldenLines.filter((line) => classify(line).kind === 'read' && isComparable(shell, line))
    assert.ok(lines.length > 150, `only ${lines.length} lines to compare`)
    assertAgreement(shell, lines)
  })

  test(`${shell.path} runs mutated lines as they were understood, whenever they are called read-only`, () => {
    const random = seededRandom(20260101)
    const seeds = goldenLines.filter((line) => classify(line).kind !== 'ask')
    const lines = Array.from({ length: 6000 }, () => {
      const [seed, other] = [seeds, goldenLines].map((from) => from[Math.floor(random() * from.length)] as string)
      return mutated(seed as string, random, other as string)
    }).filter((line) => classify(line).kind === 'read' && isComparable(shell, line))
    assert.ok(lines.length > 300, `only ${lines.length} lines to compare`)
    assertAgreement(shell, lines.slice(0, 1500))
  })
}

test('the oracle notices a line that is understood differently', () => {
  for (const shell of shells()) {
    const lines = ['uptime; rm x', 'uptime', 'true || rm', 'echo "a b"', 'ls nothing']
    const ran = runRecorded(shell, lines).map((argvs) => argvs.map((argv) => JSON.parse(argv) as string[]))
    assert.deepEqual(ran, [
      [['rm', 'x'], ['uptime']],
      [['uptime']],
      [['rm'], ['true']],
      [['echo', 'a b']],
      [['ls', 'nothing']],
    ])
  }
})
