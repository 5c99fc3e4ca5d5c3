// Replacing the authority: its files at every point where the power may fail, and a whole round with real links.
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, test } from 'node:test'
import type { Standing } from '../../../central/domain/server.ts'
import { type Authority, bundleOf, readAuthorities, STEP_FILES, type Step } from '../../../central/fleet/authorities.ts'
import { loadKeys } from '../../../central/fleet/keys.ts'
import { readTrust, takeStep, trustOf } from '../../../central/fleet/rotation.ts'
import { enrolAgent, type TestAgent } from '../../helpers/agent-link.ts'
import { type BootedFleet, bootFleet, until } from '../../helpers/fleet.ts'

const clock = { now: () => Date.now() }
const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

const load = (dir: string) => loadKeys(dir, { clock, link: { dns: ['localhost'], ip: [] } })
async function keysDir(): Promise<string> {
  const root = mkdtempSync(join(tmpdir(), 'mttrly-rotation-'))
  cleanups.push(() => rmSync(root, { recursive: true, force: true }))
  await load(join(root, 'keys'))
  return join(root, 'keys')
}
const statesIn = (dir: string) => readAuthorities(dir).map(({ state }) => state)
const files = (dir: string) =>
  readdirSync(dir)
    .filter((name) => name.startsWith('ca'))
    .toSorted()

describe('the files of the authorities', () => {
  test('go round in three steps, and the old key ends with the switch', async () => {
    const dir = await keysDir()
    const [first] = readAuthorities(dir)
    await STEP_FILES.prepare(dir, clock)
    const [, next] = readAuthorities(dir)
    assert.deepEqual(statesIn(dir), ['issuing', 'next'])
    await STEP_FILES.switch(dir, clock)
    assert.deepEqual(files(dir), ['ca-old.pem', 'ca.pem'])
    const [issuing, old] = readAuthorities(dir)
    assert.deepEqual([issuing?.fingerprint, old?.fingerprint], [next?.fingerprint, first?.fingerprint])
    assert.doesNotMatch(readFileSync(join(dir, 'ca-old.pem'), 'utf8'), /PRIVATE KEY/)
    for (const name of files(dir)) assert.equal(statSync(join(dir, name)).mode & 0o777, 0o600)
    await STEP_FILES.retire(dir, clock)
    assert.deepEqual(files(dir), ['ca.pem'])
  })

  test('the certificate of the link follows the authority that issues', async () => {
    const dir = await keysDir()
    const before = await load(dir)
    await STEP_FILES.prepare(dir, clock)
    assert.equal((await load(dir)).link.certificatePem, before.link.certificatePem)
    await STEP_FILES.switch(dir, clock)
    const { ca, link, authorities } = await load(dir)
    assert.ok(new X509Certificate(link.certificatePem).verify(new X509Certificate(ca.certificatePem).publicKey))
    assert.equal(authorities[0]?.fingerprint, ca.fingerprint)
  })

  test('a switch cut off before its rename is completed by the next start', async () => {
    const dir = await keysDir()
    await STEP_FILES.prepare(dir, clock)
    const [first, next] = readAuthorities(dir)
    writeFileSync(join(dir, 'ca-old.pem'), first?.certificatePem ?? '', { mode: 0o600 })
    const { ca, authorities } = await load(dir)
    assert.equal(ca.fingerprint, next?.fingerprint)
    assert.deepEqual(
      authorities.map(({ state, fingerprint }) => [state, fingerprint]),
      [
        ['issuing', next?.fingerprint],
        ['old', first?.fingerprint],
      ],
    )
  })

  test('one that was cut off while it wrote, and one without anything to switch to, are void', async () => {
    const dir = await keysDir()
    await STEP_FILES.prepare(dir, clock)
    writeFileSync(join(dir, 'ca-old.pem.partial'), 'half')
    assert.deepEqual(statesIn(dir), ['issuing', 'next'])
    rmSync(join(dir, 'ca-next.pem'))
    const [first] = readAuthorities(dir)
    writeFileSync(join(dir, 'ca-old.pem'), first?.certificatePem ?? '', { mode: 0o600 })
    assert.deepEqual(statesIn(dir), ['issuing'])
    assert.deepEqual(files(dir), ['ca.pem'])
  })

  test('a next authority whose key is another one’s never issues', async () => {
    const dir = await keysDir()
    await STEP_FILES.prepare(dir, clock)
    const [, next] = readAuthorities(dir)
    const key = readFileSync(join(dir, 'ca.pem'), 'utf8').split('-----BEGIN CERTIFICATE')[0]
    writeFileSync(join(dir, 'ca-next.pem'), `${key}${next?.certificatePem}`)
    copyFileSync(join(dir, 'ca.pem'), join(dir, 'before.pem'))
    await assert.rejects(STEP_FILES.switch(dir, clock), /not the key/)
    assert.deepEqual(files(dir), ['ca-next.pem', 'ca.pem'])
    assert.deepEqual(readFileSync(join(dir, 'ca.pem')), readFileSync(join(dir, 'before.pem')))
  })
})

describe('who would be cut off', () => {
  const authority = (state: Authority['state'], fingerprint: string): Authority => ({
    ...{ state, fingerprint },
    ...{ certificatePem: '', notAfter: 9_000 },
  })
  const server = (id: string, issuer: string | null, believes: string[], notAfter = 1_000): Standing => ({
    ...{ id, workspaceId: 'w', name: id, lastSeenAt: null, believes },
    certificate: issuer === null ? null : { issuer, notAfter },
  })
  const fleet = [
    server('knows', 'a', ['a', 'b']),
    server('away', 'a', ['a']),
    server('renewed', 'b', ['b', 'a']),
    server('expired', 'a', ['a'], 100),
    server('revoked', null, ['a']),
  ]
  const lost = (authorities: Authority[], step: Step) =>
    trustOf(authorities, fleet, 500)
      .servers.filter(({ lostBy }) => lostBy[step])
      .map(({ id }) => id)

  test('by a switch: who does not know the next one, and could come now', () => {
    assert.deepEqual(lost([authority('issuing', 'a'), authority('next', 'b')], 'switch'), ['away'])
    assert.deepEqual(lost([authority('issuing', 'a')], 'switch'), ['knows', 'away'])
  })
  test('once retired, who was given up cannot come, and is not lost again by the next round', () => {
    const report = trustOf([authority('issuing', 'b'), authority('next', 'c')], [server('lost', 'a', ['b', 'a'])], 500)
    assert.deepEqual([report.servers[0]?.alreadyLost, report.lostBy.switch], ['retired', 0])
  })
  test('by retiring: whose certificate is the old one’s; who cannot believe Central is lost already', () => {
    const report = trustOf([authority('issuing', 'b'), authority('old', 'a')], fleet, 500)
    assert.deepEqual(
      report.servers.map(({ id, alreadyLost, lostBy }) => [id, alreadyLost, lostBy.retire]),
      [
        ['knows', undefined, true],
        ['away', 'unbelieving', false],
        ['renewed', undefined, false],
        ['expired', 'expired', false],
        ['revoked', 'no_certificate', false],
      ],
    )
    assert.deepEqual([report.step, report.lostBy], ['retire', { prepare: 0, switch: 2, retire: 1 }])
  })
})

describe('a whole round', () => {
  const boot = async () => {
    const booted = await bootFleet({ releaseIsServed: () => true })
    cleanups.push(() => booted.stop())
    return booted
  }
  const enrolled = async (booted: BootedFleet): Promise<TestAgent> => {
    const agent = await enrolAgent(booted)
    cleanups.push(() => agent.remove())
    return agent
  }
  const up = (agent: TestAgent) => until(() => agent.state() === 'up')
  const roomsOf = ({ store, keys }: BootedFleet) => ({ store, clock, authorities: keys.authorities })
  const lostBy = async (booted: BootedFleet, step: Step) => (await readTrust(roomsOf(booted))).lostBy[step]
  const step = async (booted: BootedFleet, which: Step, lose = 0) => {
    const taken = await takeStep({ ...roomsOf(booted), keysDir: booted.keysDir, onTaken: async () => {} }, which, lose)
    if ('refused' in taken) return taken.refused
    await booted.restart()
    return undefined
  }

  test('loses nobody: who was away comes back in between, and each step waits for it', async () => {
    const booted = await boot()
    const [home, away] = [await enrolled(booted), await enrolled(booted)]
    for (const agent of [home, away]) agent.start()
    await Promise.all([up(home), up(away)])
    await away.stop()
    const first = booted.keys.ca.fingerprint

    assert.equal(await step(booted, 'prepare'), undefined)
    const next = booted.keys.authorities[1]?.fingerprint ?? ''
    await until(() => home.believes().length === 2)
    assert.deepEqual(home.believes(), [first, next])
    await until(async () => (await lostBy(booted, 'switch')) === 1)
    assert.match((await step(booted, 'switch')) ?? '', /^1 server would be cut off .* --lose 1\.$/)
    assert.match((await step(booted, 'switch', 2)) ?? '', /^1 server would be cut off/)
    assert.match((await step(booted, 'retire')) ?? '', /no old authority/)
    away.start()
    await until(async () => (await lostBy(booted, 'switch')) === 0)
    await away.stop()

    const before = home.identity().certificatePem
    assert.equal(await step(booted, 'switch'), undefined)
    assert.equal(booted.keys.ca.fingerprint, next)
    await until(() => home.identity().certificatePem !== before)
    await until(async () => (await lostBy(booted, 'retire')) === 1)
    assert.deepEqual(home.believes(), [next, first])
    assert.match((await step(booted, 'retire')) ?? '', /^1 server would be cut off/)
    const kept = away.identity()
    away.start()
    await until(async () => (await lostBy(booted, 'retire')) === 0)

    assert.equal(await step(booted, 'retire'), undefined)
    await until(() => [home, away].every((agent) => agent.believes().join() === next))
    const report = await readTrust(roomsOf(booted), booted.workspaceId)
    assert.deepEqual(
      report.authorities.map(({ believedBy, issued }) => [believedBy, issued]),
      [[2, 2]],
    )
    assert.equal(report.step, 'prepare')
    await away.stop()
    away.store.write({ ...away.identity(), keyPem: kept.keyPem, certificatePem: kept.certificatePem })
    away.start()
    await until(() => away.trouble() !== undefined)
    assert.equal(away.trouble()?.code, 'REFUSED', 'a certificate of the old authority opens nothing, and that is said')
  })

  test('that was hurried cuts off whom it was said to, and only those; enrolling again heals them', async () => {
    const booted = await boot()
    const away = await enrolled(booted)
    away.start()
    await up(away)
    await away.stop()
    assert.equal(await step(booted, 'prepare'), undefined)
    assert.equal(await step(booted, 'switch', 1), undefined)
    away.start()
    await until(() => away.trouble() !== undefined)
    assert.equal(away.trouble()?.code, 'CENTRAL_NOT_BELIEVED')
    await away.stop()
    const [server] = (await readTrust(roomsOf(booted))).servers
    assert.equal(server?.alreadyLost, 'unbelieving')
    const { workspaceId } = booted
    const serverId = away.identity().serverId
    const { command } = await booted.fleet.recover(workspaceId, serverId, 'usr_x')
    assert.match(command, / --replace$/, 'its own identity looks good to the host')
    await away.enrol((await booted.fleet.createInstallToken({ workspaceId, createdBy: 'usr_x', serverId })).token)
    away.start()
    await up(away)
    assert.equal((await readTrust(roomsOf(booted))).servers[0]?.alreadyLost, undefined)
  })

  test('a token made before the switch is refused afterwards, and says why', async () => {
    const booted = await boot()
    const { token } = await booted.fleet.createInstallToken({ workspaceId: booted.workspaceId, createdBy: 'usr_x' })
    await step(booted, 'prepare')
    assert.equal((await enrolled(booted)).believes().length, 1)
    await step(booted, 'switch', 1)
    await assert.rejects(booted.enrol(token), (error: { code?: string; details?: { why?: string } }) => {
      assert.equal(error.code, 'AUTH_FAILED')
      assert.match(error.details?.why ?? '', /before Central changed its certificate authority/)
      return true
    })
  })

  test('the old key issues nothing after the switch, also while Central still runs with it', async () => {
    const booted = await boot()
    const owner = { workspaceId: booted.workspaceId, createdBy: 'usr_x' }
    const { token } = await booted.fleet.createInstallToken(owner)
    for (const which of ['prepare', 'switch'] as const) await STEP_FILES[which](booted.keysDir, clock)
    const refused = (error: { code?: string; details?: { reason?: string } }) =>
      error.code === 'CONNECTION_ERROR' && error.details?.reason === 'authority_replaced'
    await assert.rejects(booted.fleet.createInstallToken(owner), refused)
    await assert.rejects(booted.enrol(token), refused)
    assert.equal((await booted.fleet.list(booted.workspaceId)).length, 0)
    await booted.restart()
    const anew = await booted.fleet.createInstallToken(owner)
    await booted.enrol(anew.token)
  })

  test('an agent that says nothing of authorities believes what it was enrolled with', async () => {
    const booted = await boot()
    const { server } = await booted.connected()
    await step(booted, 'prepare')
    const again = booted.agent(server)
    await again.connect()
    const { caPem } = await again.next((frame) => frame.trust)
    assert.equal(caPem, bundleOf(booted.keys.authorities))
    assert.equal(await lostBy(booted, 'switch'), 1)
    again.send({ trusted: { authorities: booted.keys.authorities.map(({ fingerprint }) => fingerprint) } })
    await until(async () => (await lostBy(booted, 'switch')) === 0)
    again.send({ trusted: { authorities: [booted.keys.ca.fingerprint] } })
    await until(() => booted.relay().counters().ignoredFrames === 1)
    assert.equal(await lostBy(booted, 'switch'), 0)
  })
})
