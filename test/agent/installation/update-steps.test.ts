// The machine of an update on a host of values: wherever it is interrupted, it ends with a version that works in use.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { GATE, type Observation } from '../../../agent/installation/gate.ts'
import { isUnderWay, type Step, type UpdateRecord } from '../../../agent/installation/update-record.ts'
import { runUpdate, type UpdateHost } from '../../../agent/installation/update-steps.ts'

const OLD = '1.0.0'
const NEW = '1.1.0'

class PowerCut extends Error {}

type Behaviour = {
  stages?: boolean
  converges?: boolean
  /** What is to be seen of the new version, by the seconds since it was started. */
  sees?: (second: number) => Partial<Observation>
}

/** @param cutAt the power goes at this event: before or after a thing is done, counted over everything that is done */
function createHost(behaviour: Behaviour, cutAt = Number.POSITIVE_INFINITY) {
  const disk = {
    record: {
      ...{ step: 'requested', from: OLD, to: NEW, manifestSha256: '0'.repeat(64), start: 'a', found: 0 },
      ...{ requestedAt: 0, changedAt: 0 },
    } as UpdateRecord,
    staged: false,
    inUse: OLD,
    cleaned: 0,
  }
  const steps: Step[] = []
  let events = 0
  let seconds = 0
  const at = (): void => {
    events += 1
    if (events === cutAt) throw new PowerCut()
  }
  const host: UpdateHost = {
    start: 'a',
    limits: { ...GATE, probationMs: 60_000 },
    now: () => 0,
    save(record) {
      at()
      disk.record = structuredClone(record)
      steps.push(record.step)
      at()
    },
    async stage() {
      at()
      if (behaviour.stages === false) return { ok: false, detail: 'the signature is wrong' }
      disk.staged = true
      at()
      return { ok: true }
    },
    async converge(version) {
      at()
      assert.ok(version === OLD || disk.staged, 'a version was put to use that is not there')
      seconds = 0
      disk.inUse = version
      at()
      return version === NEW && behaviour.converges === false ? 'no' : undefined
    },
    async observe() {
      seconds += 1
      const link = { state: 'up', version: disk.inUse }
      const seen = { active: 'active', pid: 1, restarts: 0, link, shut: [], central: 'answers' as const }
      return { at: seconds * 1_000, ...seen, ...(disk.inUse === NEW ? behaviour.sees?.(seconds) : {}) }
    },
    async cleanUp({ step }) {
      at()
      if (step === 'abandoned') disk.staged = false
      disk.cleaned += 1
    },
  }
  return { host, disk, steps, events: () => events }
}

const crashing = (second: number): Partial<Observation> => ({ restarts: Math.floor(second / 3), link: undefined })
const CASES: Record<string, { behaviour: Behaviour; steps: Step[]; inUse: string; why?: RegExp }> = {
  'a good version': {
    behaviour: {},
    steps: ['requested', 'staging', 'staged', 'switching', 'trying', 'watching', 'done'],
    inUse: NEW,
  },
  'a release that is refused': {
    behaviour: { stages: false },
    steps: ['requested', 'staging', 'abandoned'],
    inUse: OLD,
    why: /signature/,
  },
  'a version that cannot be put to use': {
    behaviour: { converges: false },
    steps: ['requested', 'staging', 'staged', 'switching', 'rolling_back', 'rolled_back'],
    inUse: OLD,
  },
  'a version that does not start': {
    behaviour: { sees: crashing },
    steps: ['requested', 'staging', 'staged', 'switching', 'trying', 'rolling_back', 'rolled_back'],
    inUse: OLD,
    why: /started again/,
  },
  'a version that crashes after a while': {
    behaviour: { sees: (second) => (second < 40 ? {} : { restarts: Math.floor((second - 40) / 3) }) },
    steps: ['requested', 'staging', 'staged', 'switching', 'trying', 'watching', 'rolling_back', 'rolled_back'],
    inUse: OLD,
    why: /started again/,
  },
}

describe('an update', () => {
  for (const [name, { behaviour, steps, inUse, why }] of Object.entries(CASES)) {
    test(`of ${name} passes ${steps.at(-2)} and ends ${steps.at(-1)}`, async () => {
      const { host, disk, steps: passed } = createHost(behaviour)
      const end = await runUpdate(disk.record, host)
      assert.deepEqual(passed, steps)
      assert.deepEqual([disk.inUse, disk.cleaned, end.step], [inUse, 1, steps.at(-1)])
      if (why) assert.match(end.why ?? '', why)
    })

    test(`of ${name}, the power cut at any moment, ends in a version that works`, async () => {
      const whole = createHost(behaviour)
      await runUpdate(whole.disk.record, whole.host)
      for (let cut = 1; cut <= whole.events(); cut += 1) {
        const first = createHost(behaviour, cut)
        await assert.rejects(runUpdate(first.disk.record, first.host), PowerCut)
        // The same disk, another start of the machine.
        const again = createHost(behaviour)
        Object.assign(again.disk, first.disk)
        const end = await runUpdate(again.disk.record, { ...again.host, start: 'b' })
        assert.equal(isUnderWay(end), false)
        assert.deepEqual(again.disk.record, end)
        assert.equal(again.disk.inUse, end.step === 'done' ? NEW : OLD, `${end.step} after a cut at ${cut}`)
        assert.ok(again.disk.cleaned >= 1)
        if (inUse === OLD) assert.notEqual(end.step, 'done')
      }
    })
  }

  test('that nobody begun before the power was cut is not begun after it', async () => {
    const { host, disk, steps } = createHost({})
    await runUpdate(disk.record, { ...host, start: 'b' })
    assert.deepEqual(steps, ['abandoned'])
    assert.equal(disk.inUse, OLD)
  })

  test('that was interrupted before the switch is given up; after it, it goes on', async () => {
    const after: Partial<Record<Step, Step>> = {
      switching: 'done',
      trying: 'done',
      watching: 'done',
      rolling_back: 'rolled_back',
    }
    for (const [step, end] of Object.entries({ staging: 'abandoned', staged: 'abandoned', ...after })) {
      const { host, disk } = createHost({})
      Object.assign(disk, { staged: true, inUse: step.startsWith('stag') ? OLD : NEW })
      assert.equal((await runUpdate({ ...disk.record, step: step as Step }, host)).step, end)
    }
  })

  test('to a version that takes the machine down again and again goes back', async () => {
    const { host, disk } = createHost({ sees: () => ({ link: undefined, central: 'silent' }) })
    Object.assign(disk, { staged: true, inUse: NEW, record: { ...disk.record, step: 'trying' } })
    for (let start = 1; start <= 3; start += 1) {
      const down = { ...host, start: String(start), observe: () => Promise.reject(new PowerCut()) }
      await assert.rejects(runUpdate(disk.record, down), PowerCut)
      assert.equal(disk.inUse, NEW)
    }
    const end = await runUpdate(disk.record, { ...host, start: 'last' })
    assert.deepEqual([end.step, disk.inUse], ['rolled_back', OLD])
    assert.match(end.why ?? '', /interrupted 4 times/)
  })

  test('says meanwhile that Central is away, and takes it back', async () => {
    const { host, disk } = createHost({
      sees: (second) => (second < 300 ? { link: undefined, central: 'silent' } : {}),
    })
    const away: (boolean | undefined)[] = []
    const save = (record: UpdateRecord): void => {
      host.save(record)
      if (record.step === 'trying') away.push(record.centralAway)
    }
    const end = await runUpdate(disk.record, { ...host, save })
    assert.deepEqual([away, end.step, end.centralAway], [[undefined, true, undefined], 'done', undefined])
  })

  test('that cannot go back does not claim to have', async () => {
    const { host, disk } = createHost({ sees: crashing })
    const converge = (version: string) => (version === OLD ? Promise.resolve('disk error') : host.converge(version))
    await assert.rejects(runUpdate(disk.record, { ...host, converge }), /could not be put back: disk error/)
    assert.equal(disk.record.step, 'rolling_back')
    const end = await runUpdate(disk.record, host)
    assert.deepEqual([end.step, disk.inUse], ['rolled_back', OLD])
  })
})
