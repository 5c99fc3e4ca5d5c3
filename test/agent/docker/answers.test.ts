// What an engine says, as it leaves: frames taken apart, secrets taken out, health judged.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import type { Rule } from '#proto/verbs/rules.ts'
import { verbOf } from '#proto/verbs/verb-of.ts'
import { VERB_PROGRAMS } from '#proto/verbs/verbs.ts'
import { askedOf } from '../../../agent/docker/asked.ts'
import { createClean } from '../../../agent/docker/clean.ts'
import { judgeContainer } from '../../../agent/docker/health.ts'
import { ago, size, table } from '../../../agent/docker/print.ts'
import { Inspected } from '../../../agent/docker/shapes.ts'
import { readLog } from '../../../agent/docker/streams.ts'
import { ANSWERED } from '../../../agent/docker/verbs.ts'

const frame = (stream: number, text: string): Buffer => {
  const head = Buffer.alloc(8)
  head[0] = stream
  head.writeUInt32BE(Buffer.byteLength(text), 4)
  return Buffer.concat([head, Buffer.from(text)])
}
async function* inParts(bytes: Buffer, length: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}
async function logOf(bytes: Buffer, length: number, terminal = false): Promise<[out: string, err: string]> {
  const said: [string, string] = ['', '']
  for await (const { stderr, data } of readLog(inParts(bytes, length), terminal)) said[stderr ? 1 : 0] += data
  return said
}

describe('a log', () => {
  test('is the same, however it is cut on its way', async () => {
    const bytes = Buffer.concat([frame(1, 'one\n'), frame(2, 'two\n'), frame(1, ''), frame(1, 'three\n')])
    for (let length = 1; length <= bytes.length; length += 1)
      assert.deepEqual(await logOf(bytes, length), ['one\nthree\n', 'two\n'], String(length))
  })
  test('of a terminal has no frames', async () => {
    assert.deepEqual(await logOf(Buffer.from('\x01\x02 raw\r\n'), 3, true), ['\x01\x02 raw\r\n', ''])
  })
  test('that is none is no log', async () => {
    await assert.rejects(logOf(Buffer.from('plain text, no frames'), 5), /no frames/)
  })
})

describe('what leaves', () => {
  const clean = createClean(randomBytes(32))
  test('has no secret: in an environment, a label, an argument', () => {
    const found = {
      Config: {
        Env: ['DB_PASSWORD=two words', 'PATH=/bin', 'URL=postgres://u:hunter2@db/x', 'EMPTY='],
        Labels: { 'com.example.api_token': 'abc def', plain: 'value' },
        Cmd: ['sh', '-c', 'mysql --password=hunter2 shop'],
      },
      Token: 'quiet',
    }
    const said = JSON.stringify(clean.whole(found))
    for (const secret of ['two words', 'words', 'hunter2', 'abc def', 'def"']) assert.ok(!said.includes(secret), said)
    for (const kept of ['PATH=/bin', '"EMPTY="', 'plain":"value', 'DB_PASSWORD=[redacted:', '@db/x'])
      assert.ok(said.includes(kept), said)
  })
  test('keeps what is none, byte for byte', () => {
    const found = {
      Id: 'f'.repeat(64),
      Image: `sha256:${'0a'.repeat(32)}`,
      Created: 1,
      Ok: true,
      None: null,
      List: [1, 'a b'],
    }
    assert.deepEqual(clean.whole(found), found)
  })
})

describe('a container', () => {
  const inspected = (state: object, host: object = {}, restarts = 0): Inspected =>
    Inspected.parse({
      Id: 'a',
      Name: '/web',
      RestartCount: restarts,
      State: { Status: 'running', ExitCode: 0, OOMKilled: false, ...state },
      Config: {},
      HostConfig: { Memory: 0, ...host },
    })
  const always = { RestartPolicy: { Name: 'always' } }
  for (const [name, found, deaths, state, why] of [
    ['that runs', inspected({}), 0, 'ok', /^runs$/],
    ['that keeps ending', inspected({}, always, 7), 7, 'degraded', /ended 7 times within the last hour/],
    [
      'that is started again',
      inspected({ Status: 'restarting', ExitCode: 3 }, always, 9),
      9,
      'failed',
      /9 times.*exit code 3/,
    ],
    ['that ended as it should', inspected({ Status: 'exited' }), 1, 'ok', /ended/],
    ['that should run and was stopped', inspected({ Status: 'exited' }, always), 1, 'stopped', /was stopped/],
    ['that was killed by somebody', inspected({ Status: 'exited', ExitCode: 137 }), 1, 'stopped', /was stopped/],
    [
      'that was killed for memory',
      inspected({ Status: 'exited', ExitCode: 137, OOMKilled: true }, { Memory: 2 ** 24 }),
      1,
      'failed',
      /limit of 16 MiB/,
    ],
    ['that ended badly', inspected({ Status: 'exited', ExitCode: 2 }), 1, 'failed', /exit code 2/],
    ['that could not start', inspected({ Status: 'created', Error: 'no such file' }), 0, 'failed', /no such file/],
    ['that waits', inspected({ Status: 'paused' }), 0, 'degraded', /paused/],
  ] as const)
    test(name, () => {
      const judged = judgeContainer(found, deaths)
      assert.equal(judged.state, state)
      assert.match(judged.why, why)
    })
})

describe('a verb', () => {
  test('of the table has an answer', () => {
    const below = (rule: Rule, name = ''): string[] =>
      rule.verbs ? Object.entries(rule.verbs).flatMap(([verb, each]) => below(each, `${name} ${verb}`.trim())) : [name]
    const { docker, podman } = VERB_PROGRAMS
    assert.ok(docker && podman)
    assert.deepEqual(below(docker).toSorted(), [...ANSWERED].toSorted())
  })
  test('is understood as its program would', () => {
    const now = Date.parse('2026-01-01T00:00:00Z')
    const found = verbOf('docker logs --since 10m -n5 --until 2026-01-01T00:00:00Z web'.split(' '))
    assert.ok('options' in found)
    const asked = askedOf(found, now)
    assert.deepEqual([asked.first, asked.value('-n', '--tail')], ['web', '5'])
    assert.deepEqual([asked.moment('--since'), asked.moment('--until')], [String(now / 1000 - 600), String(now / 1000)])
    const ps = verbOf('docker ps -a -f status=exited --filter status=dead -f name=web'.split(' '))
    assert.ok('options' in ps)
    assert.deepEqual(askedOf(ps, now).filters, { status: ['exited', 'dead'], name: ['web'] })
  })
  test('prints as it is read', () => {
    assert.equal(table({ A: 'NAME', B: 'N' }, [{ A: 'long name', B: '1' }]), 'NAME        N\nlong name   1\n')
    assert.deepEqual([size(0), size(999), size(1_500_000)], ['0B', '999B', '1.5MB'])
    assert.deepEqual([ago(0, 90_000), ago(0, 7_300_000)], ['90 seconds ago', '2 hours ago'])
  })
})
