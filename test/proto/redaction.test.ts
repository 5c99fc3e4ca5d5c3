import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { createRedactor, LINE_MAX, redactText } from '#proto/redaction/redactor.ts'
import { expand, readCases, seeded } from './redaction-corpus.ts'

const hostKey = Buffer.alloc(32, 7)
const cases = readCases()
const MARKER = /\[redacted:[a-z0-9-]+(?::[0-9a-f]{8})?\]/g
const marks = (bytes: Buffer): number => bytes.toString('latin1').match(MARKER)?.length ?? 0

function redact(input: Buffer, sizes: () => number, key?: Buffer): { bytes: Buffer; hits: number } {
  const redactor = createRedactor(key ? { hostKey: key } : {})
  const parts: Buffer[] = []
  for (let at = 0; at < input.length; ) {
    const size = Math.max(1, sizes())
    parts.push(Buffer.from(redactor.push(Buffer.from(input.subarray(at, at + size)))))
    at += size
  }
  parts.push(redactor.end())
  return { bytes: Buffer.concat(parts), hits: redactor.hits }
}
const whole = (input: Buffer, key?: Buffer) => redact(input, () => input.length, key)
const text = (input: string): string => redactText(input, {}).text

for (const { file, input, expected } of cases) {
  test(`golden ${file}`, () => {
    assert.equal(whole(input).bytes.toString('utf8'), expected.toString('utf8'))
  })
}

test('the golden files are many enough, and recall and precision on them are whole', (t) => {
  let wanted = 0
  let found = 0
  let wrong = 0
  let harmless = 0
  for (const { file, input, expected } of cases) {
    const actual = whole(input).bytes.toString('latin1').split('\n')
    expected
      .toString('latin1')
      .split('\n')
      .forEach((line, at) => {
        const want = marks(Buffer.from(line, 'latin1'))
        const got = marks(Buffer.from(actual[at] ?? '', 'latin1'))
        if (file.startsWith('harmless')) {
          harmless += line === '' ? 0 : 1
          wrong += actual[at] === line ? 0 : 1
          return
        }
        wanted += want
        found += Math.min(want, got)
        wrong += Math.max(0, got - want)
      })
  }
  t.diagnostic(`recall ${found}/${wanted}, precision ${found}/${found + wrong}, ${harmless} look-alikes`)
  assert.ok(wanted >= 120, `${wanted} hits`)
  assert.ok(harmless >= 80, `${harmless} look-alikes`)
  assert.deepEqual({ found, wrong }, { found: wanted, wrong: 0 })
})

test('the result is the same for any chunking, and one byte at a time', () => {
  for (const { file, input } of cases) {
    const reference = whole(input, hostKey)
    const byteWise = redact(input, () => 1, hostKey)
    assert.equal(byteWise.bytes.toString('latin1'), reference.bytes.toString('latin1'), file)
    assert.equal(byteWise.hits, reference.hits)
    for (let seed = 1; seed <= 20; seed++) {
      const random = seeded(seed)
      const most = 2 ** Math.ceil(random() * 10)
      const split = redact(input, () => Math.ceil(random() * most), hostKey)
      assert.equal(split.bytes.toString('latin1'), reference.bytes.toString('latin1'), `${file}, seed ${seed}`)
    }
  }
})

/** Lines of the golden files and noise, put together at random: what nobody would write into a test by hand. */
function soup(seed: number, length: number): Buffer {
  const random = seeded(seed)
  const lines = cases
    .filter(({ file }) => file !== 'private-keys.txt')
    .flatMap(({ input }) => input.toString('latin1').split('\n'))
  const glue = [
    '\n',
    ' ',
    '',
    ',',
    '"',
    "'",
    '=',
    ': ',
    '&',
    '\\n',
    '%20',
    '\r\n',
    '\t',
    '\x1b[0m',
    '\0',
    '@',
    '\xff\xfe',
    '{',
    '}',
  ]
  let soup = ''
  while (soup.length < length) {
    const line = lines[Math.floor(random() * lines.length)] ?? ''
    const from = random() < 0.5 ? 0 : Math.floor(random() * line.length)
    soup +=
      line.slice(from, random() < 0.5 ? line.length : from + Math.ceil(random() * 60)) +
      glue[Math.floor(random() * glue.length)]
  }
  return Buffer.from(soup, 'latin1')
}

test('any mixture comes out the same for any chunking', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const input = soup(seed, 3000)
    const random = seeded(seed + 1000)
    const reference = whole(input, hostKey)
    const split = redact(input, () => Math.ceil(random() * 90), hostKey)
    assert.equal(split.bytes.toString('latin1'), reference.bytes.toString('latin1'), `seed ${seed}`)
  }
})

test('redacting what was redacted changes nothing', () => {
  for (const { file, input } of cases) {
    for (const key of [undefined, hostKey]) {
      const once = whole(input, key).bytes
      assert.equal(whole(once, key).bytes.toString('latin1'), once.toString('latin1'), file)
    }
  }
  for (let seed = 1; seed <= 400; seed++) {
    const once = whole(soup(seed, 2000), hostKey).bytes
    assert.equal(whole(once, hostKey).bytes.toString('latin1'), once.toString('latin1'), `seed ${seed}`)
  }
})

test('bytes that are no text pass unharmed', () => {
  const random = seeded(5)
  const input = Buffer.from(Array.from({ length: 300_000 }, () => Math.floor(random() * 256)))
  const { bytes, hits } = redact(input, () => Math.ceil(random() * 5000))
  assert.equal(hits, 0)
  assert.ok(bytes.equals(input))
})

test('a tag is the HMAC of the secret, equal in every wrapping, and only for 64 bits and more', () => {
  const secret = expand('ghp_{A36}')
  const tag = createHmac('sha256', hostKey).update(secret).digest('hex').slice(0, 8)
  for (const wrapped of [
    secret,
    `TOKEN="${secret}"`,
    `https://x:${secret}@h/`,
    `${secret.slice(0, 9)}\u200b${secret.slice(9)}`,
  ]) {
    assert.match(redactText(wrapped, { hostKey }).text, new RegExp(`\\[redacted:github-token:${tag}\\]`))
  }
  assert.equal(redactText('PASSWORD=hunter2', { hostKey }).text, 'PASSWORD=[redacted:password]')
  assert.equal(redactText('password=aaaaaaaaaaaaaaaaaaaaaaaa', { hostKey }).text, 'password=[redacted:password]')
  assert.notEqual(redactText(secret, { hostKey: Buffer.alloc(32, 8) }).text, redactText(secret, { hostKey }).text)
})

test('a private key has one tag, in a file, with CRLF, indented, and in JSON', () => {
  const lines = ['-----BEGIN PRIVATE KEY-----', expand('{b64}'), expand('x{b8}=='), '-----END PRIVATE KEY-----']
  const texts = [
    lines.join('\n'),
    lines.join('\r\n'),
    lines.map((line) => `    ${line}`).join('\n'),
    JSON.stringify({ k: lines.join('\n') }),
  ]
  const tags = new Set(
    texts.map((wrapped) => /\[redacted:private-key:[0-9a-f]{8}\]/.exec(redactText(wrapped, { hostKey }).text)?.[0]),
  )
  assert.equal(tags.size, 1)
  assert.notEqual([...tags][0], undefined)
})

test('a secret is found wherever in an endless line it stands', () => {
  const secret = expand('ghp_{A36}')
  for (let at = LINE_MAX - 9000; at < LINE_MAX + 300; at += 97) {
    const input = Buffer.from(`${'a b,'.repeat(at / 4)}${'-'.repeat(at % 4)} ${secret} ${'c d,'.repeat(20_000)}`)
    const { bytes, hits } = whole(input)
    assert.equal(hits, 1, `at ${at}`)
    assert.ok(!bytes.includes(secret.slice(4)), `at ${at}`)
    assert.equal(bytes.length, input.length - secret.length + '[redacted:github-token]'.length)
  }
})

test('a secret longer than the window goes whole, and the line goes on after it', () => {
  const value = 'Ab3'.repeat(60_000)
  const word = whole(Buffer.from(`x token=${value} tail password=foo9 end\nnext\n`))
  assert.equal(word.bytes.toString(), 'x token=[redacted:token] tail password=[redacted:password] end\nnext\n')
  const cookie = whole(Buffer.from(`Cookie: a=${value}; b=2\nnext\n`))
  assert.equal(cookie.bytes.toString(), 'Cookie: [redacted:cookie]\nnext\n')
})

test('long lines come out the same for any chunking', () => {
  for (let seed = 1; seed <= 4; seed++) {
    const input = Buffer.from(soup(seed, 300_000).toString('latin1').replaceAll('\n', ' '), 'latin1')
    const random = seeded(seed)
    const reference = whole(input, hostKey)
    const split = redact(input, () => Math.ceil(random() * 20_000), hostKey)
    assert.ok(split.bytes.equals(reference.bytes), `seed ${seed}`)
    assert.equal(split.hits, reference.hits)
  }
})

test('a key that never ends stays away, whatever follows', () => {
  const body = expand('{b64}')
  const input = `a\n-----BEGIN PRIVATE KEY-----\n${`${body}\n`.repeat(5000)}${'z'.repeat(LINE_MAX * 2)}\nlast words`
  assert.equal(whole(Buffer.from(input)).bytes.toString(), 'a\n[redacted:private-key]')
})

test('an end of a key is seen on the border of two windows', () => {
  const end = '-----END PRIVATE KEY-----'
  for (let shift = -40; shift <= 40; shift += 4) {
    const body = 'Ab+/'.repeat(LINE_MAX / 4 - 7).slice(0, LINE_MAX - 27 + shift)
    const input = `-----BEGIN PRIVATE KEY-----${body}${end} tail\nnext\n`
    assert.equal(text(input), '[redacted:private-key] tail\nnext\n', `shift ${shift}`)
  }
})

test('what is held back is bounded', () => {
  for (const piece of ['a', 'ab cd ', 'password=', 'eyJ', '-----BEGIN PRIVATE KEY-----\n', '\x1b[']) {
    const redactor = createRedactor({})
    let pushed = 0
    let left = 0
    for (let i = 0; i < 20; i++) {
      const chunk = Buffer.from(piece.repeat(8000))
      pushed += chunk.length
      left += redactor.push(chunk).length
    }
    const rest = redactor.end().length
    assert.ok(rest <= LINE_MAX + 64, `${piece}: ${rest} of ${pushed} (${left} left before)`)
  }
})

test('whole lines leave at once, an unfinished one waits', () => {
  const redactor = createRedactor({})
  assert.equal(redactor.push(Buffer.from('one\ntwo')).toString(), 'one\n')
  assert.equal(redactor.push(Buffer.from(' and\n')).toString(), 'two and\n')
  assert.equal(redactor.push(Buffer.from('pass')).toString(), '')
  assert.equal(redactor.push(Buffer.from('word=x9y')).toString(), '')
  assert.equal(redactor.end().toString(), 'password=[redacted:password]')
  assert.equal(redactor.hits, 1)
})

test('hostile input costs in proportion to its length', () => {
  const cpu = (input: Buffer): number => {
    const once = (): number => {
      const before = process.cpuUsage()
      whole(input)
      const used = process.cpuUsage(before)
      return used.user + used.system
    }
    return Math.min(once(), once(), once())
  }
  const pieces = [
    'password=',
    'pass ',
    'key=',
    'eyJ',
    'eyJaaaaaaaa.',
    'sk-',
    'sk-aaaaaaaaaaaaaaaaaaaa-',
    'BEGIN PRIVATE KEY-----',
    '-----BEGIN PRIVATE KEY----- ',
    'mysql -p ',
    'curl -u a ',
    'a://b:',
    'a://b/',
    'cookie: ',
    '"key":"',
    'token=\\"',
    'authorization: ',
    '%41',
    '\\u0041',
    '\x1b[',
    '\x1b]',
    '\b',
    '\0',
    'bearer ',
    '$6$',
    ', a=key',
    'key="\'`',
    '<key>',
  ]
  for (const piece of pieces) {
    const short = cpu(Buffer.from(piece.repeat(8_000 / piece.length), 'latin1'))
    const long = cpu(Buffer.from(piece.repeat(64_000 / piece.length), 'latin1'))
    // Eight times the length: 8 when linear, 64 when quadratic. A millisecond covers the clock's grain.
    assert.ok(long < 28 * (short + 1000), `${JSON.stringify(piece)}: ${short} µs, ${long} µs`)
  }
})
