// A certificate over the months of its life, with the agent's own link against the real relay and clocks that are moved:
// renewed in the middle, expired while the host was away, and hosts whose clock is years off.
import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { LIMITS } from '#proto/contract/limits.ts'
import { HOPELESS_CAP_MS, waitBefore } from '../../../agent/link/reconnect.ts'
import { troubleOf } from '../../../agent/link/trouble.ts'
import { enrolAgent, type TestAgent } from '../../helpers/agent-link.ts'
import { type BootedFleet, bootFleet, createTestClock, until } from '../../helpers/fleet.ts'

const DAY = 24 * 3_600_000
const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

/** A server that was enrolled so long ago: TLS has the real time, so the past is where the clock is moved to. */
async function enrolledAgo(ago: number): Promise<{ booted: BootedFleet; agent: TestAgent }> {
  const booted = await bootFleet()
  cleanups.push(() => booted.stop())
  booted.clock.advance(-ago)
  const agent = await enrolAgent(booted, { clock: createTestClock() })
  booted.clock.advance(ago)
  cleanups.push(() => agent.remove())
  return { booted, agent }
}
const statesOf = async ({ store }: BootedFleet, agent: TestAgent) =>
  (await store.certificates.ofServer(agent.identity().serverId)).map(({ state }) => state).toSorted()
const up = (agent: TestAgent) => until(() => agent.state() === 'up')

describe('a certificate', () => {
  test('is left alone in the first half of its life, and renewed in the second, without a second stream', async () => {
    const { booted, agent } = await enrolledAgo(LIMITS.certificateLife / 2 - DAY)
    const before = agent.identity()
    agent.start()
    await up(agent)
    await agent.stop()
    assert.deepEqual([agent.identity(), await statesOf(booted, agent)], [before, ['active']])

    const old = await enrolledAgo(LIMITS.certificateLife / 2 + DAY)
    const { keyPem, certificatePem } = old.agent.identity()
    old.agent.start()
    await until(() => old.agent.identity().certificatePem !== certificatePem)
    await up(old.agent)
    assert.notEqual(old.agent.identity().keyPem, keyPem)
    await until(async () => (await statesOf(old.booted, old.agent)).join() === 'active,retired')
    assert.deepEqual([old.booted.clones, old.agent.store.candidate()], [[], undefined])
    await until(() => old.booted.relay().counters().connected === 1)
  })

  test('that ended while its host was away is said to have; enrolling again heals it, with the same server', async () => {
    const { booted, agent } = await enrolledAgo(LIMITS.certificateLife + 90 * DAY)
    const { serverId } = agent.identity()
    agent.start()
    await until(() => agent.trouble() !== undefined)
    const trouble = agent.trouble()
    assert.equal(trouble?.code, 'CERTIFICATE_EXPIRED')
    assert.match(trouble?.advice ?? '', /recovery command.*run it here as root/)
    assert.ok(
      agent.log.some(({ message, fields }) => message === 'not connected to Central' && fields.code === trouble?.code),
    )
    await agent.stop()
    const { command } = await booted.fleet.regenerate(booted.workspaceId, serverId, 'usr_x')
    await agent.enrol(/mtti_[^']+/.exec(command)?.[0])
    agent.start()
    await up(agent)
    assert.deepEqual([agent.identity().serverId, agent.trouble()], [serverId, undefined])
  })

  test('that was taken back is said to be refused', async () => {
    const { booted, agent } = await enrolledAgo(0)
    await booted.store.certificates.revokeAll(agent.identity().serverId)
    agent.start()
    await until(() => agent.trouble() !== undefined)
    assert.equal(agent.trouble()?.code, 'REFUSED')
  })

  test('by a clock that is far ahead is renewed once and not again and again', async () => {
    const { booted, agent } = await enrolledAgo(0)
    const clock = createTestClock()
    clock.advance(20 * DAY)
    const ahead = await enrolAgent(booted, { clock })
    cleanups.push(() => ahead.remove())
    const { certificatePem } = ahead.identity()
    ahead.start()
    await until(() => ahead.identity().certificatePem !== certificatePem)
    await up(ahead)
    const renewed = () => ahead.log.filter(({ message }) => message === 'the certificate was renewed').length
    agent.start()
    await up(agent)
    assert.equal(renewed(), 1)
  })
})

describe('what only a person can mend', () => {
  const valid = { from: 1_000, to: 2_000 }
  const cases: readonly [what: string, reason: string, now: number, code: string | undefined][] = [
    ['the certificate is over', '14 No connection established. Last error: anything', 2_000, 'CERTIFICATE_EXPIRED'],
    [
      'the clock is years behind',
      '14 No connection established. Last error: certificate is not yet valid',
      1,
      'CLOCK_BEHIND',
    ],
    ['Central’s is not valid yet', '14 Last error: certificate is not yet valid', 1_500, 'CLOCK_BEHIND'],
    ['Central’s is over', '14 Last error: certificate has expired', 1_500, 'CLOCK_AHEAD'],
    ['another authority', '14 Last error: self-signed certificate in certificate chain', 1_500, 'CENTRAL_NOT_BELIEVED'],
    [
      'an authority that is gone',
      '14 Last error: unable to verify the first certificate',
      1_500,
      'CENTRAL_NOT_BELIEVED',
    ],
    ['revoked', '16 UNAUTHENTICATED: the certificate is revoked', 1_500, 'REFUSED'],
    ['nobody listens', '14 No connection established. Last error: connect ECONNREFUSED', 1_500, undefined],
    ['Central restarts', '14 Central is stopping', 1_500, undefined],
    ['another agent', '6 ALREADY_EXISTS: another agent is connected with this identity', 1_500, undefined],
    ['no welcome', 'no welcome came', 1_500, undefined],
  ]
  for (const [what, reason, now, code] of cases)
    test(`is told from what mends itself: ${what}`, () =>
      assert.equal(troubleOf({ reason, met: false, valid, now })?.code, code))

  test('is also that Central shows who it is, and closes without a word', () => {
    const closed = { reason: '14 No connection established. Last error: Failed to connect', valid, now: 1_500 }
    assert.equal(troubleOf({ ...closed, met: true })?.code, 'REFUSED')
    assert.equal(troubleOf({ ...closed, met: false }), undefined)
    assert.equal(troubleOf({ ...closed, met: true, reason: '14 Central is stopping' }), undefined)
  })

  test('is tried less and less often, up to a quarter of an hour', () => {
    const waits = [0, 6, 9, 10, 99].map((attempt) => waitBefore(attempt, () => 1, HOPELESS_CAP_MS))
    assert.deepEqual(waits, [1_000, 64_000, 512_000, 900_000, 900_000])
  })
})
