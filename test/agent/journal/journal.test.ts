import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { CatalogueError } from '#proto/contract/errors.ts'
import {
  createJournal,
  type GrantedWork,
  type JournalAnswer,
  type JournalStep,
} from '../../../agent/journal/journal.ts'

class Crash extends Error {}
type Ctx = { name: string }
const ctx: Ctx = { name: 'asked' }
const ended: JournalAnswer = { kind: 'body', body: Buffer.from('ended') }

/** A host on which granted work has one effect: it counts. It knows afterwards what it did, as the act lane does. */
function createHost() {
  const done = new Set<string>()
  const burned = new Set<string>()
  const forgotten: string[] = []
  let hold: Promise<void> | undefined
  const work: GrantedWork<Ctx> = {
    identity: (_method, body) => body.toString('utf8').split('|')[0] ?? '',
    async run(_method, body, { onTaken }) {
      const grant = body.toString('utf8').split('|')[0] ?? ''
      if (grant === 'refused') throw new CatalogueError('POLICY_DENIED', { reason: 'test' })
      assert.ok(!done.has(grant) && !burned.has(grant), 'it runs once')
      done.add(grant)
      onTaken()
      await hold
      return ended
    },
    async settle(_method, body) {
      const grant = body.toString('utf8').split('|')[0] ?? ''
      if (done.has(grant)) return ended
      burned.add(grant)
      return { kind: 'body', body: Buffer.from('not started') }
    },
    async forget(_method, bodies) {
      forgotten.push(...bodies.map((body) => body.toString('utf8')))
    },
  }
  return {
    work,
    done,
    burned,
    forgotten,
    holding: (until: Promise<void>) => {
      hold = until
    },
  }
}

describe('the journal', () => {
  let directory = ''
  let host = createHost()
  let now = 1_000
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'mttrly-journal-'))
    host = createHost()
    now = 1_000
  })
  afterEach(() => rmSync(directory, { recursive: true, force: true }))
  const open = (over: { most?: number; step?: (step: JournalStep) => void } = {}) =>
    createJournal<Ctx>({
      directory,
      clock: { now: () => now },
      work: host.work,
      most: 256,
      alone: { name: 'alone' },
      ...over,
    })
  const request = (id = 'act_1', body = 'grant') => ({
    id,
    method: 'commands.act',
    body: Buffer.from(body),
    startBefore: 2_000,
  })

  it('runs a request once and answers a repetition with the same outcome', async () => {
    const journal = open()
    assert.deepEqual(await journal.perform(request(), ctx), ended)
    assert.deepEqual(await journal.perform(request('act_1', 'grant|output from 5'), ctx), ended)
    assert.equal(host.done.size, 1)
    assert.deepEqual(journal.unacknowledged(), ['act_1'])
  })
  it('answers a repetition after a restart', async () => {
    await open().perform(request(), ctx)
    assert.deepEqual(await open().perform(request(), ctx), ended)
    assert.equal(host.done.size, 1)
  })
  it('lets a repetition wait for the nonce, so that it burns nothing', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    host.holding(promise)
    const journal = open()
    const first = journal.perform(request(), ctx)
    const second = journal.perform(request(), ctx)
    assert.deepEqual(await second, ended)
    resolve()
    assert.deepEqual(await first, ended)
    assert.deepEqual([host.done.size, host.burned.size], [1, 0])
  })
  it('refuses an id that comes with another grant', async () => {
    const journal = open()
    await journal.perform(request(), ctx)
    const answer = await journal.perform(request('act_1', 'other'), ctx)
    assert.equal(answer.kind === 'failure' && answer.code, 'VALIDATION_ERROR')
    assert.ok(!host.done.has('other'))
  })
  it('refuses ids that are no file names', async () => {
    for (const id of ['', '../x', 'a/b', 'a.accepted', 'x'.repeat(129)]) {
      const answer = await open().perform(request(id), ctx)
      assert.equal(answer.kind === 'failure' && answer.code, 'VALIDATION_ERROR', id)
    }
    assert.equal(host.done.size, 0)
  })
  it('starts nothing past its time, but still tells how a started one ended', async () => {
    const journal = open()
    await journal.perform(request(), ctx)
    now = 2_001
    assert.deepEqual(await journal.perform(request(), ctx), ended)
    const late = await journal.perform(request('act_2', 'late'), ctx)
    assert.equal(late.kind === 'failure' && late.code, 'TIMEOUT')
    assert.equal(host.done.size, 1)
    assert.deepEqual(journal.unacknowledged(), ['act_1'])
  })
  it('keeps a refusal as the outcome', async () => {
    const journal = open()
    const refusal = await journal.perform(request('act_1', 'refused'), ctx)
    assert.deepEqual(refusal, { kind: 'failure', code: 'POLICY_DENIED', details: { reason: 'test' } })
    assert.deepEqual(await open().perform(request('act_1', 'refused'), ctx), refusal)
  })
  it('refuses new requests when it is full, and drops none', async () => {
    const journal = open({ most: 2 })
    for (const number of [1, 2]) await journal.perform(request(`act_${number}`, `grant${number}`), ctx)
    const full = await journal.perform(request('act_3', 'grant3'), ctx)
    assert.equal(full.kind === 'failure' && full.code, 'RATE_LIMITED')
    assert.ok(!host.done.has('grant3'))
    await journal.acknowledge('act_1')
    assert.deepEqual(await journal.perform(request('act_3', 'grant3'), ctx), ended)
  })
  it('forgets what was acknowledged, and nothing that has no outcome', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    host.holding(promise)
    const journal = open()
    const running = journal.perform(request(), ctx)
    await journal.acknowledge('act_1')
    assert.deepEqual(journal.unacknowledged(), ['act_1'])
    resolve()
    await running
    await journal.acknowledge('act_1')
    assert.deepEqual([journal.unacknowledged(), readdirSync(directory), host.forgotten], [[], [], ['grant']])
    await journal.acknowledge('act_unknown')
  })
  it('clears what was half written, and never runs an id whose record is damaged', async () => {
    writeFileSync(join(directory, '.0011.partial'), '{"method":"comm')
    writeFileSync(join(directory, 'act_1.accepted'), '{"method":"comm')
    const journal = open()
    const answer = await journal.perform(request(), ctx)
    assert.equal(answer.kind === 'failure' && answer.code, 'INTERNAL_ERROR')
    assert.equal(host.done.size, 0)
    await journal.recover()
    assert.deepEqual(journal.unacknowledged(), ['act_1'])
    await journal.acknowledge('act_1')
    assert.deepEqual(readdirSync(directory), [])
  })

  const steps: JournalStep[] = ['accepted', 'ended', 'outcome-written', 'acknowledged', 'forgotten']
  for (const step of steps) {
    it(`survives an end at “${step}”: nothing runs twice, and the answer is true`, async () => {
      const dying = open({
        step(at) {
          if (at === step) throw new Crash()
        },
      })
      const life = dying.perform(request(), ctx).then(() => dying.acknowledge('act_1'))
      await assert.rejects(life, Crash)
      const ranBefore = host.done.has('grant')

      const after = open()
      await after.recover()
      const acknowledged = step === 'acknowledged' || step === 'forgotten'
      assert.deepEqual(after.unacknowledged(), acknowledged ? [] : ['act_1'])
      if (acknowledged) return assert.deepEqual(readdirSync(directory), [])
      const answer = await after.perform(request(), ctx)
      assert.equal(answer.kind === 'body' && answer.body.toString(), ranBefore ? 'ended' : 'not started')
      assert.equal(host.done.has('grant'), ranBefore)
    })
  }
})
