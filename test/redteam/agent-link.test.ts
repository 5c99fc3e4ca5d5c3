// Attacks on the link and on what agents show as identity (attacks G3 to G5), against the real relay and the agent's own
// link. Each case states what must hold. Those that have a home are there:
//   clone with the same key, two streams, giant message, silence, revoked or decommissioned server  central/relay/streams.test.ts
//   slow TLS, no certificate, older TLS, connections that say nothing                            central/relay/front.test.ts
//   an agent that answers for another, floods, answers twice                                       central/relay/calls.test.ts
//   token reused, expired, of another server or workspace; races                                  central/fleet/enrolment.test.ts
//   certificate of a retired authority, half the fleet away                                       central/fleet/rotation.test.ts
//   expiry during months offline, clocks years off                                                agent/link/certificates.test.ts
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, test } from 'node:test'
import tls from 'node:tls'
import { status } from '@grpc/grpc-js'
import { LIMITS } from '#proto/contract/limits.ts'
import { connectLink } from '../../agent/link/connect.ts'
import { createId } from '../../central/domain/ids.ts'
import { agentOf, createAuthority, type KeyPairPem, openCa } from '../../central/fleet/ca.ts'
import { enrolAgent, type TestAgent } from '../helpers/agent-link.ts'
import { createCsr, forge } from '../helpers/csr.ts'
import { helloOf } from '../helpers/fake-agent.ts'
import { type BootedFleet, bootFleet, until } from '../helpers/fleet.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})
async function boot(): Promise<BootedFleet> {
  const booted = await bootFleet()
  cleanups.push(() => booted.stop())
  return booted
}
async function enrolled(booted: BootedFleet): Promise<TestAgent> {
  const agent = await enrolAgent(booted)
  cleanups.push(() => agent.remove())
  return agent
}
const sanOf = (booted: BootedFleet, serverId: string) =>
  `spiffe://mttrly/workspace/${booted.workspaceId}/server/${serverId}/agent`

describe('who comes to Central', () => {
  const noStream = async (booted: BootedFleet, credentials: KeyPairPem) => {
    await assert.rejects(booted.agent(credentials).connect(), { code: status.UNAVAILABLE })
    assert.equal(booted.relay().counters().connected, 0)
  }

  test('a server that signs certificates for others, as itself an authority: no stream', async () => {
    const booted = await boot()
    const [mine, victim] = [await booted.enrol(), await booted.enrol()]
    await noStream(booted, await forge(mine.keyPem, mine.certificatePem, sanOf(booted, victim.serverId)))
  })

  test('the certificate of the link, signing or shown as a client: no stream', async () => {
    const booted = await boot()
    const victim = await booted.enrol()
    const { keyPem, certificatePem } = booted.keys.link
    await noStream(booted, booted.keys.link)
    await noStream(booted, await forge(keyPem, certificatePem, sanOf(booted, victim.serverId)))
  })

  test('a certificate that names a known server, of an authority with our name: no stream', async () => {
    const booted = await boot()
    const { serverId } = await booted.enrol()
    const foreign = await openCa(await createAuthority(booted.clock), booted.clock)
    const { keyPem, csrPem } = await createCsr()
    const issued = await foreign.issueAgent(csrPem, { workspaceId: booted.workspaceId, serverId })
    assert.ok('certificatePem' in issued)
    await noStream(booted, { keyPem, certificatePem: issued.certificatePem })
  })

  test('a certificate that has expired: no stream', async () => {
    const booted = await boot()
    booted.clock.advance(-LIMITS.certificateLife - 1_000)
    const server = await booted.enrol()
    booted.clock.advance(LIMITS.certificateLife + 1_000)
    await noStream(booted, server)
  })

  const names: readonly [
    what: string,
    identity: (of: BootedFleet, serverId: string) => { workspaceId: string; serverId: string },
  ][] = [
    ['another workspace', (_booted, serverId) => ({ workspaceId: createId('workspace'), serverId })],
    ['another server', ({ workspaceId }) => ({ workspaceId, serverId: createId('server') })],
  ]
  for (const [what, identity] of names) {
    test(`a certificate that is known, and names ${what} than its record: refused`, async () => {
      const booted = await boot()
      const { serverId } = await booted.enrol()
      const { keyPem, csrPem } = await createCsr()
      const issued = await booted.keys.ca.issueAgent(csrPem, identity(booted, serverId))
      assert.ok('certificatePem' in issued)
      const { certificatePem, ...certificate } = issued
      await booted.store.certificates.insert({ ...certificate, serverId, state: 'active' })
      await assert.rejects(booted.agent({ keyPem, certificatePem }).connect(), {
        code: status.UNAUTHENTICATED,
        details: 'the certificate is unknown',
      })
    })
  }
})

describe('who is taken for Central', () => {
  /** Whether the agent's own link goes on past the handshake with who shows this certificate. */
  async function isMet(agent: TestAgent, shown: KeyPairPem): Promise<boolean> {
    const server = tls.createServer({ key: shown.keyPem, cert: shown.certificatePem, ALPNProtocols: ['h2'] })
    server.on('tlsClientError', () => {})
    server.on('secureConnection', (socket) => socket.on('error', () => {}).destroy())
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const { stream, met, close } = connectLink({ ...agent.identity(), address: `127.0.0.1:${port}` })
    stream.write({ hello: helloOf('i') })
    await new Promise<void>((resolve) => stream.on('error', () => resolve()))
    close()
    server.close()
    return met()
  }

  test('Central itself is; an agent is not, nor who is signed by an agent, nor another authority of our name', async () => {
    const booted = await boot()
    const [agent, other] = [await enrolled(booted), await booted.enrol()]
    const foreign = await openCa(await createAuthority(booted.clock), booted.clock)
    assert.equal(await isMet(agent, booted.keys.link), true)
    assert.equal(await isMet(agent, other), false)
    assert.equal(await isMet(agent, await forge(other.keyPem, other.certificatePem, 'spiffe://mttrly/central')), false)
    assert.equal(await isMet(agent, await foreign.issueLink({ dns: ['localhost'], ip: ['127.0.0.1'] })), false)
  })
})

describe('what a certificate can be made into', () => {
  test('a renewal that asks for a greater name, or to be an authority, gets its own name and role', async () => {
    const booted = await boot()
    const { server, agent } = await booted.connected()
    const { csrPem } = await createCsr()
    agent.send({ certificateRequest: { csrPem } })
    const { certificatePem } = await agent.next((frame) => frame.certificate)
    const certificate = new X509Certificate(certificatePem)
    assert.equal(agentOf(certificate.subjectAltName)?.serverId, server.serverId)
    assert.deepEqual([certificate.ca, certificate.keyUsage], [false, ['1.3.6.1.5.5.7.3.2']])
  })

  test('after its server was enrolled again, the old one cannot renew itself back into the record', async () => {
    const booted = await boot()
    const { server, agent } = await booted.connected()
    const { keyPem, csrPem } = await createCsr()
    agent.send({ certificateRequest: { csrPem } })
    const { certificatePem } = await agent.next((frame) => frame.certificate)
    const { workspaceId } = booted
    const { serverId } = server
    const { token } = await booted.fleet.createInstallToken({ workspaceId, createdBy: 'usr_x', serverId })
    const newer = await booted.enrol(token)
    for (const credentials of [server, { keyPem, certificatePem }])
      await assert.rejects(booted.agent(credentials).connect(), { code: status.UNAUTHENTICATED })
    await booted.agent(newer).connect()
  })
})

describe('what is said of authorities', () => {
  test('an agent that claims to believe more than there can be is refused; unasked, it changes nothing', async () => {
    const booted = await boot()
    const names = Array.from({ length: LIMITS.authorities + 1 }, (_, n) => n.toString(16).padStart(64, '0'))
    const greedy = booted.agent(await booted.enrol(), { hello: { authorities: names } })
    await assert.rejects(greedy.connect(), { code: status.INVALID_ARGUMENT })
    const authorities = [booted.keys.ca.fingerprint]
    const { agent } = await booted.connected({ hello: { authorities } })
    agent.send({ trusted: { authorities: names.slice(0, 1) } })
    await until(() => booted.relay().counters().ignoredFrames === 1)
    const report = await booted.fleet.trust(booted.workspaceId)
    assert.deepEqual(
      report.servers.map(({ believes }) => believes),
      [authorities, authorities],
    )
  })
})
