import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { describe, it } from 'node:test'
import type { AgentFrame } from '#proto/gen/mttrly/agent/v1/AgentFrame.ts'
import { checkCentral } from '../../../agent/link/connect.ts'
import { createDispatch, type Handle, type LinkContext } from '../../../agent/link/dispatch.ts'
import { createCredit } from '../../../agent/link/flow-control.ts'
import { parseOsRelease } from '../../../agent/link/hello.ts'
import {
  cpuPercent,
  createSampler,
  parseCpu,
  parseLoad,
  parseMemory,
  parseMounts,
} from '../../../agent/link/host-sample.ts'
import { attemptsAfter, nextState, waitBefore } from '../../../agent/link/reconnect.ts'

describe('reconnecting', () => {
  it('knows its states, and what cannot happen', () => {
    const path = (['start', 'lost', 'due', 'welcomed', 'renewed', 'welcomed', 'lost', 'stop'] as const).reduce(
      nextState,
      'idle',
    )
    assert.equal(path, 'stopped')
    assert.throws(() => nextState('waiting', 'welcomed'))
    assert.throws(() => nextState('stopped', 'start'))
  })
  it('waits a random part of a bound that doubles from one second to a minute', () => {
    assert.deepEqual(
      [0, 1, 2, 5, 6, 50].map((attempt) => waitBefore(attempt, () => 1)),
      [1_000, 2_000, 4_000, 32_000, 60_000, 60_000],
    )
    assert.equal(
      waitBefore(9, () => 0),
      0,
    )
    assert.equal(
      waitBefore(3, () => 0.25),
      2_000,
    )
  })
  it('begins anew after a stable minute', () => {
    assert.deepEqual([attemptsAfter(4, 59_999), attemptsAfter(4, 60_000)], [5, 0])
  })
})

describe('credit', () => {
  it('gives what there is, and waits for more', async () => {
    const credit = createCredit(10, [new AbortController().signal])
    assert.equal(await credit.take(6), 6)
    assert.equal(await credit.take(6), 4)
    const waiting = credit.take(6)
    credit.add(3)
    assert.equal(await waiting, 3)
  })
  it('ends the waiting when it is stopped', async () => {
    const stop = new AbortController()
    const credit = createCredit(0, [stop.signal])
    const waiting = credit.take(1)
    stop.abort()
    assert.equal(await waiting, 0)
    credit.add(5)
    assert.equal(await credit.take(1), 0)
  })
})

describe('dispatch', () => {
  const never = new Promise<never>(() => {})
  const request = (id: string) => ({ id, method: 'm', body: Buffer.alloc(0), startBefore: 0 })
  function set(handle: Handle, most = 2, ready: () => Promise<void> = async () => {}) {
    const sent: AgentFrame[] = []
    const faults: unknown[] = []
    const log = { info() {}, warn() {}, error: (fields: unknown) => void faults.push(fields) }
    const outlet = { send: (frame: AgentFrame) => void sent.push(frame), ready }
    return { sent, faults, dispatch: createDispatch({ handle, outlet, log, initialCredit: 100, most }) }
  }

  it('refuses what is one too many, and takes the next when one has ended', async () => {
    let end = (): void => {}
    const { sent, dispatch } = set(({ id }) =>
      id === 'a'
        ? new Promise((resolve) => {
            end = () => resolve({ kind: 'body', body: Buffer.from('a') })
          })
        : never,
    )
    const first = dispatch.request(request('a'))
    void dispatch.request(request('b'))
    await dispatch.request(request('c'))
    assert.equal(sent[0]?.response?.failure?.code, 'RATE_LIMITED')
    end()
    await first
    assert.equal(sent[1]?.response?.requestId, 'a')
    void dispatch.request(request('c'))
    assert.equal(sent.length, 2)
  })
  it('answers one id once', async () => {
    let calls = 0
    const { sent, dispatch } = set(async () => {
      calls += 1
      return { kind: 'body', body: Buffer.alloc(0) }
    })
    await Promise.all([dispatch.request(request('a')), dispatch.request(request('a'))])
    assert.deepEqual([calls, sent.length], [1, 1])
  })
  it('says no more of a fault than that there was one', async () => {
    const { sent, faults, dispatch } = set(async () => {
      throw new Error('with a secret')
    })
    await dispatch.request(request('a'))
    assert.deepEqual(sent[0]?.response?.failure, { code: 'INTERNAL_ERROR', detailsJson: '{}' })
    assert.equal(faults.length, 1)
  })
  it('drops output that has no credit once it is cancelled, and answers nobody once the stream is gone', async () => {
    const contexts: LinkContext[] = []
    const handle: Handle = async (_request, ctx) => {
      contexts.push(ctx)
      await ctx.output(0, Buffer.alloc(150))
      return { kind: 'body', body: Buffer.alloc(0) }
    }
    const { sent, dispatch } = set(handle)
    const first = dispatch.request(request('a'))
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(sent[0]?.chunk?.data?.length, 100)
    dispatch.cancel('a')
    await first
    assert.equal(sent[1]?.response?.requestId, 'a')
    assert.equal(contexts[0]?.cancelled.aborted, true)
    const second = dispatch.request(request('b'))
    dispatch.end()
    await second
    assert.ok(!sent.some(({ response }) => response?.requestId === 'b'))
    assert.equal(contexts[1]?.gone.aborted, true)
  })
})

describe('who answers', () => {
  const names = {
    'URI:spiffe://mttrly/central': true,
    'URI:spiffe://mttrly/central, DNS:localhost, IP Address:127.0.0.1': true,
  }
  const others = [
    '',
    'DNS:central',
    'URI:spiffe://mttrly/workspace/w/server/s/agent',
    'URI:spiffe://mttrly/central/x',
    'URI:spiffe://a/central, URI:spiffe://mttrly/workspace/w/server/s/agent',
    'URI:https://x/central',
  ]
  it('is Central by its name only', () => {
    for (const subjectaltname of Object.keys(names))
      assert.equal(checkCentral({ subjectaltname }), undefined, subjectaltname)
    for (const subjectaltname of others) assert.ok(checkCentral({ subjectaltname }) instanceof Error, subjectaltname)
    assert.ok(checkCentral({} as never) instanceof Error)
  })
})

describe('the sample', () => {
  it('finds the disk as full as df does', async () => {
    const { disks = [] } = await createSampler({ root: '/', clock: Date })()
    const disk = disks.find(({ mount }) => mount === '/') ?? assert.fail('no disk at /')
    const [, line = ''] = execFileSync('df', ['-P', '/'], { encoding: 'utf8' }).split('\n')
    const used = 100 * (1 - Number(disk.available) / Number(disk.total))
    assert.ok(Math.abs(used - Number.parseInt(line.split(/\s+/)[4] ?? '', 10)) < 2, `${used}: ${line}`)
  })
  it('reads processor time', () => {
    const before = parseCpu('cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 2\ncpu1 1 2\nintr 5\n')
    assert.deepEqual(before, { busy: 150, total: 1000, cpus: 2 })
    assert.equal(cpuPercent(before, { busy: 225, total: 1100, cpus: 2 }), 75)
    assert.equal(cpuPercent(before, before), 0)
    assert.deepEqual(parseCpu(''), { busy: 0, total: 0, cpus: 0 })
  })
  it('reads memory and load', () => {
    assert.deepEqual(
      parseMemory(
        'MemTotal:       1000 kB\nMemFree: 1 kB\nMemAvailable:    600 kB\nSwapTotal:       10 kB\nSwapFree:  4 kB\n',
      ),
      {
        memoryTotal: 1_024_000,
        memoryAvailable: 614_400,
        swapTotal: 10_240,
        swapFree: 4_096,
      },
    )
    assert.deepEqual(parseLoad('0.52 0.58 0.59 1/467 12345\n'), { load1: 0.52, load5: 0.58, load15: 0.59 })
  })
  it('names each local disk once, by its shortest mount', () => {
    const mounts = [
      '/dev/sda1 / ext4 rw 0 0',
      '/dev/sda1 /var/lib/docker/x ext4 rw 0 0',
      'proc /proc proc rw 0 0',
      'srv:/x /mnt/nfs nfs4 rw 0 0',
      'overlay /var/lib/docker/overlay2/a overlay rw 0 0',
      '/dev/sdb1 /srv/my\\040disk xfs rw 0 0',
      '',
    ]
    assert.deepEqual(parseMounts(mounts.join('\n')), ['/', '/srv/my disk'])
  })
  it('reads the name of the system', () => {
    assert.equal(
      parseOsRelease('NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'),
      'Debian GNU/Linux 12 (bookworm)',
    )
    assert.equal(parseOsRelease('ID=alpine\n'), 'alpine')
    assert.equal(parseOsRelease(''), 'Linux')
  })
})
