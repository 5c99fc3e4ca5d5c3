// How checks are run and findings put in order, and what the samples of processes say.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { describe, test } from 'node:test'
import type { Finding } from '#proto/contract/diagnosis.ts'
import type { Check } from '../../../agent/diagnosis/check.ts'
import { loadOf } from '../../../agent/diagnosis/checks/cpu-hog.ts'
import { growthsIn } from '../../../agent/diagnosis/checks/memory-leak.ts'
import { diagnose } from '../../../agent/diagnosis/diagnose.ts'
import { parseJournal } from '../../../agent/diagnosis/journal.ts'
import { NotPossible } from '../../../agent/diagnosis/not-possible.ts'
import { probe } from '../../../agent/diagnosis/probe.ts'
import { argvOf } from '../../../agent/diagnosis/programs.ts'
import { rank } from '../../../agent/diagnosis/rank.ts'
import { type Look, parseTask, type Task } from '../../../agent/diagnosis/sample.ts'
import { seen, finding as told } from '../../../agent/diagnosis/say.ts'
import { topicsOf } from '../../../agent/diagnosis/words.ts'
import { factsOf, NOW } from './host.ts'

const finding = (cause: Finding['cause'], subject: string, over: Partial<Finding> = {}): Finding => ({
  cause,
  subject,
  title: `${cause} ${subject}`,
  severity: 'high',
  confidence: 0.9,
  impact: [],
  evidence: [{ source: 'test', at: NOW, seen: 'x' }],
  next: [],
  explains: [],
  ...over,
})
const order = (findings: Finding[], problem = '', touched: Finding['cause'][] = []) =>
  rank(
    findings.map((each) => ({ finding: each, touched: touched.includes(each.cause) })),
    { problem },
  ).map(({ cause, subject }) => `${cause} ${subject}`)

describe('what comes first', () => {
  const failed = (seen: string) =>
    finding('UNIT_FAILED', 'shop.service', { severity: 'critical', evidence: [{ source: 'journal', at: NOW, seen }] })

  test('is the root: what a symptom says of its cause puts the cause before it, however severe it is', () => {
    const disk = finding('DISK_FULL', '/var', { severity: 'medium' })
    const [root, ...rest] = rank(
      [failed('write: No space left on device'), disk].map((each) => ({ finding: each, touched: false })),
      { problem: '' },
    )
    assert.deepEqual(
      [root?.cause, root?.severity, root?.impact, root?.evidence.length],
      ['DISK_FULL', 'critical', ['UNIT_FAILED shop.service'], 2],
    )
    assert.deepEqual(rest, [])
    assert.deepEqual(order([failed('no module named x'), disk]), ['UNIT_FAILED shop.service', 'DISK_FULL /var'])
  })

  test('is the root at the end of a chain, and it says what it brings about', () => {
    const chain = [
      finding('ENDPOINT_FAILING', 'http://shop/', { severity: 'critical' }),
      finding('DEPENDENCY_FAILED', 'shop.service', { explains: ['http://shop/'] }),
      finding('OOM_KILL', 'db.service', { severity: 'medium', explains: ['shop.service'] }),
    ]
    assert.deepEqual(order(chain)[0], 'OOM_KILL db.service')
    const [root] = rank(
      chain.map((each) => ({ finding: each, touched: false })),
      { problem: '' },
    )
    assert.deepEqual(root?.impact, ['DEPENDENCY_FAILED shop.service', 'ENDPOINT_FAILING http://shop/'])
    assert.equal(order(chain).length, 1)
  })

  test('tells what it brings about as its effect, and leaves what could be a root beside it', () => {
    const two = [
      finding('UNIT_FAILED', 'db.service', { explains: ['app.service'] }),
      finding('UNIT_FAILED', 'app.service'),
    ]
    assert.deepEqual(order(two), ['UNIT_FAILED db.service'])
    const denied = finding('PERMISSION_DENIED', 'app.service')
    assert.deepEqual(order([...two, denied]), ['UNIT_FAILED db.service', 'PERMISSION_DENIED app.service'])
    const low = finding('UNIT_FAILED', 'db.service', { explains: ['app.service'], severity: 'low' })
    assert.deepEqual(order([low, finding('UNIT_FAILED', 'app.service')]), [
      'UNIT_FAILED app.service',
      'UNIT_FAILED db.service',
    ])
  })

  test('is told once, where two are sides of one trouble of the same thing', () => {
    const sides = [finding('CGROUP_LIMIT', 'x.service'), finding('CPU_HOG', 'x.service', { severity: 'medium' })]
    assert.deepEqual(order(sides), ['CGROUP_LIMIT x.service'])
    assert.equal(order([finding('CGROUP_LIMIT', 'x.service'), finding('CPU_HOG', 'y.service')]).length, 2)
  })

  test('is what the problem speaks of, among equals; words never lift what is low', () => {
    const two = [finding('CPU_HOG', 'mill.service'), finding('CERTIFICATE_EXPIRED', '/etc/x.pem')]
    assert.equal(order(two, 'https', ['CERTIFICATE_EXPIRED'])[0], 'CERTIFICATE_EXPIRED /etc/x.pem')
    assert.equal(order(two.toReversed(), 'the mill is slow')[0], 'CPU_HOG mill.service')
    const low = finding('CLOCK_WRONG', 'clock', { severity: 'low' })
    assert.equal(
      order([low, finding('LOG_FLOOD', 'x', { severity: 'medium' })], 'clock', ['CLOCK_WRONG'])[0],
      'LOG_FLOOD x',
    )
  })

  test('ends, where two say that they bring each other about', () => {
    const circle = [finding('DISK_FULL', '/a', { explains: ['/b'] }), finding('LOG_FLOOD', '/b', { explains: ['/a'] })]
    assert.deepEqual(order(circle), ['DISK_FULL /a'])
  })
})

describe('the engine', () => {
  const check = (name: string, run: Check['run']): Check => ({ name, topics: ['disk'], run })
  const run = (t: Parameters<typeof factsOf>[0], checks: Check[], left: number) =>
    diagnose({
      question: { problem: 'disk' },
      facts: { ...factsOf(t), left: () => left },
      checks,
      began: NOW,
      clock: { now: () => NOW },
    })

  test('takes a secret out of what it cuts', async (t) => {
    const token = `ghp_${'a1B2c3D4e5F6'.repeat(3)}`
    const text = `${'x '.repeat(240)}${token} refused`
    const { findings } = await run(
      t,
      [
        check('said', () => [
          told({ cause: 'LOG_FLOOD', subject: text, title: text, evidence: [seen('log', NOW, text)] }),
        ]),
      ],
      50,
    )
    assert.doesNotMatch(JSON.stringify(findings), /ghp_/)
    assert.equal(findings[0]?.evidence[0]?.seen.length, 500)
  })

  test('goes on when one check fails, cannot look, or is late', async (t) => {
    const never = new Promise<Finding[]>(() => {})
    const { findings, checks } = await run(
      t,
      [
        check('late', () => never),
        check('broken', () => {
          throw new Error('it broke')
        }),
        check('blind', async () => {
          throw new NotPossible('not here')
        }),
        check('good', () => [finding('DISK_FULL', '/')]),
      ],
      50,
    )
    assert.deepEqual(
      findings.map(({ cause }) => cause),
      ['DISK_FULL'],
    )
    assert.deepEqual(
      checks.map(({ name, state, why }) => [name, state, why]),
      [
        ['late', 'out_of_time', undefined],
        ['broken', 'failed', 'it broke'],
        ['blind', 'not_possible', 'not here'],
        ['good', 'done', undefined],
      ],
    )
  })

  test('lets no secret and no control character out', async (t) => {
    const { findings } = await run(
      t,
      [check('x', () => [finding('UNIT_FAILED', 'a\u001b[31m', { title: 'password=hunter2hunter2 \u202e' })])],
      50,
    )
    const said = JSON.stringify(findings)
    assert.doesNotMatch(said, /hunter2|\\u001b|\u202e/)
    assert.match(said, /REDACTED|«|\[/)
  })

  test('knows what words are about, and takes nothing else from them', () => {
    assert.deepEqual([...topicsOf('Cannot upload: disk is full?')].includes('disk'), true)
    assert.deepEqual([...topicsOf('zzz')], [])
  })
})

describe('what it reads with', () => {
  test('puts only names of units into a program', () => {
    assert.deepEqual(argvOf('unit', 'nginx.service')?.at(-1), 'nginx.service')
    for (const name of ['--help', '-n.service', 'a b.service', '../x.service', 'x', '', '$(id).service'])
      assert.equal(argvOf('unit', name), undefined, name)
  })

  test('connects to its own host and to nobody else', async () => {
    assert.deepEqual(await probe({ address: '192.0.2.1', port: 80 }), { ok: false, why: 'not an address of this host' })
    assert.deepEqual(await probe({ address: 'evil.example', port: 80, http: '/?secret' }), {
      ok: false,
      why: 'not an address of this host',
    })
  })

  test('hears the answer that came while it was kept from its processor', async () => {
    const server = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    await new Promise((resolve) => setImmediate(resolve)) // after it timers are looked at before answers
    const asked = probe({ address: '127.0.0.1', port })
    await new Promise<void>((resolve) => process.nextTick(resolve))
    const until = performance.now() + 1_200
    while (performance.now() < until);
    assert.deepEqual(await asked, { ok: true, why: 'connected' })
    server.close()
  })

  test('takes lines of the journal as they come, newest first: bytes, lists, cut off', () => {
    const lines = parseJournal(
      [
        '{"__REALTIME_TIMESTAMP":"1000000","MESSAGE":[104,105],"PRIORITY":"3","_SYSTEMD_UNIT":"a.service","_PID":"7"}',
        '{"MESSAGE":["x","y"],"UNIT":"b.service"}',
        '{"MESSAGE":"z","_SYSTEMD_UNIT":"user@1000.service","USER_UNIT":"c.service"}',
        '{"MESSAGE":',
      ].join('\n'),
    )
    assert.deepEqual(
      lines.map(({ at, text, unit, priority, pid }) => [at, text, unit, priority, pid]),
      [
        [0, 'z', 'user@1000.service', 6, 0],
        [0, 'x', 'b.service', 6, 0],
        [1000, 'hi', 'a.service', 3, 7],
      ],
    )
    assert.equal(lines[0]?.userUnit, 'c.service')
  })
})

describe('samples of processes', () => {
  const task = (over: Partial<Task>): Task => ({
    pid: 7,
    parent: 1,
    name: 'x',
    state: 'R',
    nice: 0,
    kernel: false,
    cpuMs: 0,
    startTicks: 100,
    rss: 0,
    ranMs: 0,
    waitedMs: 0,
    ...over,
  })
  const looks = (sizes: number[]): Look[] =>
    sizes.map((rss, i) => ({
      at: i * 100,
      tasks: new Map([[7, task({ rss })]]),
      cpu: { busy: 0, waiting: 0, total: 0, processors: 2 },
      disks: new Map(),
    }))
  const MIB = 1024 ** 2

  test('a name with blanks and brackets moves no field', () => {
    const parsed = parseTask(
      `42 (a b) c) S 1 42 42 0 -1 4194560 1 0 0 0 150 50 0 0 20 19 1 0 6000 1 25`,
      '5000000 7000000 3',
    )
    assert.deepEqual(
      parsed && [
        parsed.pid,
        parsed.name,
        parsed.state,
        parsed.parent,
        parsed.cpuMs,
        parsed.nice,
        parsed.startTicks,
        parsed.rss,
        parsed.ranMs,
        parsed.waitedMs,
      ],
      [42, 'a b) c', 'S', 1, 2000, 19, 6000, 102_400, 5, 7],
    )
  })

  test('who waits for a processor wants it as much as who has it', () => {
    assert.deepEqual(loadOf(task({}), task({ ranMs: 100, waitedMs: 800, cpuMs: 100 }), 1_000), {
      share: 0.1,
      demand: 0.9,
    })
    assert.equal(loadOf(task({}), task({ ranMs: 50, cpuMs: 50 }), 1_000).demand, 0.05)
  })

  test('growth is steady, and at the pace of a life: not a start, not a cache that is full, not a wave', () => {
    const grow = (sizes: number[], uptimeMs = 61_000) =>
      growthsIn(looks(sizes.map((size) => size * MIB)), uptimeMs).length
    assert.equal(grow([100, 101, 102, 103, 104, 105]), 1)
    assert.equal(grow([100, 100, 100, 100, 100, 100]), 0)
    assert.equal(grow([100, 104, 101, 103, 104, 105]), 0)
    assert.equal(grow([100, 101, 102, 103, 104, 105], 2_000), 0)
    assert.equal(grow([1, 2, 3, 4, 5, 6]), 0)
  })
})
