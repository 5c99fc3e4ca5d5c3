import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { type Classification, classify, programsOf } from '../../../central/commands/classify.ts'
import { PROGRAMS } from '../../../central/commands/programs.ts'

const GOLDEN = new URL('../../golden/classifier/', import.meta.url)

type Case = { readonly command: string; readonly expected: string; readonly where: string }

/** The blocks of a golden file; its README says what they look like. */
function casesOf(file: string): Case[] {
  const text = readFileSync(new URL(file, GOLDEN), 'utf8')
  return text
    .split(/\n\n+/)
    .map((block) => block.split('\n').filter((line) => line !== '' && !line.startsWith('##')))
    .filter((lines) => lines.length > 0)
    .flatMap((lines) => {
      const ruler = lines.findIndex((line) => /^-{5,}$/.test(line))
      const expected = lines[ruler + 1]
      assert.ok(ruler > 0 && expected !== undefined && lines.length === ruler + 2, `${file}: ${lines[0]}`)
      return lines.slice(0, ruler).map((command) => ({ command, expected, where: file }))
    })
}

function says(result: Classification): string {
  if (result.kind === 'verb') return `verb ${result.lane} ${result.verb}`
  return result.kind
}

const files = readdirSync(GOLDEN).filter((name) => name.endsWith('.txt'))

for (const file of files) {
  test(`golden classifier cases: ${file}`, () => {
    const wrong = casesOf(file).filter(({ command, expected }) => {
      const result = classify(command)
      if (result.kind === 'ask' && expected.startsWith('ask ')) return !result.reason.includes(expected.slice(4))
      return says(result) !== expected
    })
    assert.deepEqual(
      wrong.map(
        ({ command, expected }) => `${command}  expected ${expected}, got ${JSON.stringify(classify(command))}`,
      ),
      [],
    )
  })
}

test('there are golden cases for every answer', () => {
  const all = files.flatMap(casesOf)
  for (const kind of ['read', 'verb', 'ask'])
    assert.ok(
      all.some(({ expected }) => expected.startsWith(kind)),
      `no case expects ${kind}`,
    )
})

test('characters that a terminal or a locale may read differently are asked about', () => {
  for (const odd of [
    '\r',
    '\u00a0',
    '\u2028',
    '\u202e',
    '\u200b',
    '\v',
    '\f',
    '\0',
    '\u0085',
    '\x7f',
    '\x1b',
    'é',
    '；',
  ])
    for (const line of [`uptime${odd}`, `ls${odd}-la`, `${odd}uptime`, `echo 'a${odd}b'`])
      assert.equal(classify(line).kind, 'ask', JSON.stringify(line))
})

test('newlines separate commands, and a continued line is asked about', () => {
  assert.deepEqual(classify('uptime\nfree -m\n'), { kind: 'read', programs: ['uptime', 'free'] })
  assert.deepEqual(classify('ps aux |\n  grep nginx'), { kind: 'read', programs: ['ps', 'grep'] })
  for (const line of [
    'uptime\nrm -rf /',
    'ls \\\n-la',
    'l\\\ns',
    'echo "a\\\nb"',
    'uptime\n;ls',
    'cat <<EOF\nx\nEOF',
    '',
    ' ',
    '\n',
  ])
    assert.equal(classify(line).kind, 'ask', JSON.stringify(line))
})

test('a verb carries the whole argv, unquoted', () => {
  assert.deepEqual(classify(`systemctl --no-pager status 'nginx.service'`), {
    kind: 'verb',
    lane: 'inspect',
    program: 'systemctl',
    verb: 'systemctl status',
    argv: ['systemctl', '--no-pager', 'status', 'nginx.service'],
  })
})

test('the reason is one bounded sentence without control characters', () => {
  for (const line of [
    `ls --${'x'.repeat(3000)}`,
    `cat '/etc/shadow\n\n'`,
    `'a\nb'`,
    'cat /root/x',
    'rm -rf /',
    'ls $x',
  ]) {
    const result = classify(line)
    assert.equal(result.kind, 'ask')
    assert.ok(result.kind === 'ask' && result.reason.length < 220 && result.reason.endsWith('.'), line)
    assert.ok(result.kind === 'ask' && [...result.reason].every((char) => char >= ' '), line)
  }
})

test('a line beyond the limit is asked about before it is parsed', () => {
  for (const line of ['a'.repeat(1_000_000), '$('.repeat(500_000), `ls ${'a '.repeat(500_000)}`]) {
    const result = classify(line)
    assert.deepEqual(result, { kind: 'ask', reason: 'The command is longer than 8192 bytes.', programs: ['?'] })
  }
})

test('no nesting within the limit makes it throw', () => {
  const pieces = [
    '$(',
    '"$(',
    '`',
    '((',
    '$((',
    '( ',
    '{ ',
    '${a:-',
    '{a,',
    'f(){ ',
    '@(',
    'cat <(',
    '<<a ',
    'if ',
    'case x in x) ',
    '[[ ( ',
    'env ',
    'w|',
    "'",
    '\\',
    'a[',
    'x=(',
    'bash -c "',
  ]
  for (const piece of pieces) {
    const line = piece.repeat(Math.floor(8192 / piece.length))
    assert.equal(classify(line).kind, 'ask', piece)
  }
})

test('programs that start others or rewrite text are in no table', () => {
  const never = `env timeout nice ionice nohup setsid stdbuf xargs flock script systemd-run nsenter unshare chroot busybox
    toybox sudo doas pkexec run0 su runuser sh bash dash zsh eval exec source awk gawk sed perl python python3 ruby xxd od
    base64 rev tr tac hexdump strings fold tee dd curl wget ssh git tar watch strace printenv less more vi vim kill`
  for (const name of never.split(/\s+/)) assert.equal(PROGRAMS.has(name), false, name)
})

test('programsOf sees through wrappers, substitutions and inner shells', () => {
  const expected: Record<string, string[]> = {
    uptime: ['uptime'],
    'uptime | grep x; /bin/rm -rf /': ['uptime', 'grep', 'rm'],
    'sudo -u root rm x': ['sudo', 'rm'],
    'env -i A=1 rm x': ['env', '?', 'rm'],
    'timeout -s KILL 5 rm x': ['timeout', 'rm'],
    'sudo env timeout 5 nice -n 5 rm x': ['sudo', 'env', 'timeout', 'nice', 'rm'],
    'find / -name x -exec rm {} \\;': ['find', 'rm'],
    'ls | xargs -n 1 rm -f': ['ls', 'xargs', 'rm'],
    'echo "$(rm x)"': ['echo', 'rm'],
    'cat <(rm x) `id`': ['cat', 'rm', 'id'],
    'for i in 1; do rm $i; done': ['rm'],
    'bash -c "uptime; rm x"': ['bash', 'uptime', 'rm'],
    "su - bob -c 'rm x'": ['su', 'rm'],
    'A=1 rm x': ['rm'],
    "r''m x": ['rm'],
    '$cmd x': ['?'],
    'sudo $cmd': ['sudo', '?'],
    'bash -c "$x"': ['bash', '?'],
    'bash script.sh': ['bash', '?'],
    'eval rm': ['eval', '?'],
    'awk 1': ['awk', '?'],
    'echo "unterminated': ['echo', '?'],
  }
  for (const [line, programs] of Object.entries(expected))
    assert.deepEqual([...programsOf(line)].toSorted(), programs.toSorted(), line)
})
