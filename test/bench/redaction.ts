/** Redaction: the rules as one regex after the other (floor) against the redactor, interleaved in one run. */
import { createHmac } from 'node:crypto'
import { pathToFileURL } from 'node:url'
import { createRedactor } from '#proto/redaction/redactor.ts'
import { tokenRules } from '#proto/redaction/rules.ts'
import { expand, seeded } from '../proto/redaction-corpus.ts'

export type BenchRow = { name: string; value: number; unit: string; ratio?: number }

const KEYS =
  'password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|secret[_-]?key|credential|auth|session_id|signature'
/** What the redactor does beside its table, in the plainest regexes that give the same hits on these logs. Group 1 stays. */
const floorRules: readonly [RegExp, string][] = [
  ...tokenRules.map((rule): [RegExp, string] => [
    new RegExp(`(${rule.edge ? '\\b' : ''})(?:${rule.shape.source})`, `g${rule.shape.flags}`),
    rule.id,
  ]),
  [/()-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----[\s\S]*?-----END (?:[A-Z0-9]+ )*PRIVATE KEY-----/g, 'private-key'],
  [/(authorization: (?:bearer|basic|token) )(?!\[redacted)\S+/gi, 'authorization'],
  [/^((?:set-)?cookie: ).+/gim, 'cookie'],
  [/(:\/\/[^\s/:@]*:)(?!\[redacted)[^\s@/]+(?=@)/g, 'url-credentials'],
  [/(identified by ')[^']+/gi, 'password'],
  [/(\bmysql[^\n]{0,80} -p)[^\s-]\S+/g, 'password'],
  [
    new RegExp(`((?:${KEYS})["']?(?: ?= ?|: ?)["']?)(?!\\[redacted|\\d{1,5}\\b|[a-z]+\\b|["'$<{])[^\\s"'&,;]+`, 'gi'),
    'secret',
  ],
]

function floor(block: string): { bytes: number; hits: number } {
  let hits = 0
  let text = block
  for (const [pattern, id] of floorRules) {
    text = text.replace(pattern, (_, kept: string) => {
      hits++
      return `${kept}[redacted:${id}]`
    })
  }
  return { bytes: text.length, hits }
}

const TEMPLATES: readonly string[] = [
  'Nov 22 12:46:24 web-1 sshd[4242]: Accepted publickey for deploy from 10.0.0.7 port 50122 ssh2: ED25519 SHA256:{A43}',
  'Nov 22 12:46:25 web-1 sshd[4243]: Failed password for invalid user admin from 203.0.113.9 port 41000 ssh2',
  'Nov 22 12:46:25 web-1 systemd[1]: Started Session {d3} of user deploy.',
  'Nov 22 12:46:26 web-1 kernel: [12345.678901] eth0: link up, 1000 Mbps, full duplex, lpa 0x{h4}',
  'Nov 22 12:46:26 web-1 CRON[991]: pam_unix(cron:session): session opened for user root by (uid=0)',
  '203.0.113.{d2} - - [22/Nov/2026:12:46:26 +0000] "GET /assets/app.{h8}.js HTTP/1.1" 200 18{d3} "https://example.com/shop?page=2" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"',
  '203.0.113.{d2} - - [22/Nov/2026:12:46:27 +0000] "POST /api/orders HTTP/1.1" 201 512 "-" "okhttp/4.12.0" rt=0.0{d2}',
  '{"time":"2026-11-22T12:46:27.123Z","level":"info","msg":"request completed","request_id":"{h8}-{h4}-4{h3}-a{h3}-{h12}","status":200,"ms":12.{d2}}',
  '{"log":"2026-11-22 12:46:28 INFO worker-3 processed job {d6} in 35ms\\n","stream":"stdout","time":"2026-11-22T12:46:28.{d9}Z"}',
  '2026-11-22 12:46:28.123 UTC [1234] LOG:  checkpoint complete: wrote {d3} buffers (0.8%); 0 WAL file(s) added, write=4.2 s, sync=0.01 s',
  '2026/11/22 12:46:29 [warn] 31#31: *{d5} upstream server temporarily disabled while connecting to upstream, client: 10.1.2.3, server: example.com',
  'I1122 12:46:30.000000       1 controller.go:{d3}] Finished syncing deployment "shop/web-{h10}" (12.3ms)',
]
const SECRET_LINES: readonly string[] = [
  'deploy: using GITHUB_TOKEN=ghp_{A36}',
  'dsn postgres://app:{a16}9@db:5432/shop',
  'curl: Authorization: Bearer {A30}7',
  'env DB_PASSWORD={a10}9',
  'id AKIA{U16} loaded',
]

export function ordinaryLog(bytes: number): Buffer {
  const random = seeded(42)
  const pick = (lines: readonly string[]): string => expand(lines[Math.floor(random() * lines.length)] ?? '')
  const lines: string[] = []
  for (let length = 0, n = 0; length < bytes; n++) {
    const line = n % 500 === 499 ? pick(SECRET_LINES) : pick(TEMPLATES)
    lines.push(line)
    length += line.length + 1
  }
  return Buffer.from(`${lines.join('\n')}\n`, 'latin1')
}

const fill = (piece: string, bytes: number): Buffer =>
  Buffer.from(piece.repeat(Math.ceil(bytes / piece.length)), 'latin1')

/** What one would send to slow it down: anchors without end, runs that never become a token, escapes, one endless line. */
const HOSTILE: readonly [string, string][] = [
  ['one endless line', 'abcdefg hijklmn '],
  ['escape sequences only', '\x1b[31mred\x1b[0m text '],
  ['nearly a JWT', 'eyJhbGciOiJIUzI1NiJ9 eyJhbGciOiJIUzI1NiJ9.x '],
  ['names without values', 'the password and the token of the secret key '],
  ['keys that never begin', '-----BEGIN PUBLIC KEY----- '],
  ['a hit a line', 'level=info user=bob password=hunter22 ok\n'],
  ['anchors only', 'passpasspasspass\n'],
]

const CHUNK = 65_536

function ours(input: Buffer): { bytes: number; hits: number } {
  const redactor = createRedactor({ hostKey: createHmac('sha256', 'bench').digest() })
  let bytes = 0
  for (let at = 0; at < input.length; at += CHUNK) bytes += redactor.push(input.subarray(at, at + CHUNK)).length
  bytes += redactor.end().length
  return { bytes, hits: redactor.hits }
}

/** CPU seconds, so that a neighbour on the machine does not count. */
function cpuSeconds(work: () => unknown): number {
  const before = process.cpuUsage()
  work()
  const used = process.cpuUsage(before)
  return (used.user + used.system) / 1e6
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
const rate = (bytes: number, seconds: number[]): number => Math.round(bytes / 1e6 / median(seconds))

export async function benchRedaction(): Promise<BenchRow[]> {
  const log = ordinaryLog(8_000_000)
  const part = log.subarray(0, log.lastIndexOf(0x0a, 1_000_000) + 1)
  const text = part.toString('latin1')
  const floorTimes: number[] = []
  const oursTimes: number[] = []
  for (let round = 0; round < 7; round++) {
    floorTimes.push(cpuSeconds(() => floor(text)))
    oursTimes.push(cpuSeconds(() => ours(log)))
  }
  const floorRate = rate(part.length, floorTimes)
  const oursRate = rate(log.length, oursTimes)
  const rows: BenchRow[] = [
    { name: 'redaction floor: one regex after the other', value: floorRate, unit: 'MB/s' },
    { name: 'redaction ours: ordinary logs', value: oursRate, unit: 'MB/s', ratio: oursRate / floorRate },
    {
      name: 'redaction hits floor / ours on the same megabyte',
      value: floor(text).hits,
      unit: 'hits',
      ratio: ours(part).hits / floor(text).hits,
    },
  ]
  for (const [name, piece] of HOSTILE) {
    const input = fill(piece, 2_000_000)
    ours(input)
    const times = [1, 2, 3].map(() => cpuSeconds(() => ours(input)))
    rows.push({ name: `redaction hostile: ${name}`, value: rate(input.length, times), unit: 'MB/s' })
  }
  return rows
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const { name, value, unit, ratio } of await benchRedaction()) {
    process.stdout.write(
      `${name.padEnd(60)} ${String(value).padStart(6)} ${unit}${ratio === undefined ? '' : `  x${ratio.toFixed(2)}`}\n`,
    )
  }
}
