import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import tls from 'node:tls'
import { LIMITS } from '#proto/contract/limits.ts'
import { createId } from '../../../central/domain/ids.ts'
import { agentOf, type Ca, createAuthority, type KeyPairPem, openCa } from '../../../central/fleet/ca.ts'
import { createCsr, forge } from '../../helpers/csr.ts'

const clock = { now: () => Date.now() }
const identity = { workspaceId: createId('workspace'), serverId: createId('server') }

async function issued(ca: Ca): Promise<KeyPairPem & { serial: string; fingerprint: string; notAfter: number }> {
  const { keyPem, csrPem } = await createCsr()
  const answer = await ca.issueAgent(csrPem, identity)
  assert.ok(!('refused' in answer))
  return { keyPem, ...answer }
}

/** Whether a TLS 1.3 handshake succeeds in both directions; `server` shows its certificate and asks for the client's. */
async function handshake(ca: Ca, server: KeyPairPem, client: KeyPairPem): Promise<boolean> {
  const listener = tls.createServer({
    key: server.keyPem,
    cert: server.certificatePem,
    ca: ca.certificatePem,
    requestCert: true,
  })
  listener.on('tlsClientError', () => {})
  listener.on('secureConnection', (socket) => socket.on('error', () => {}).end('welcome'))
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  const socket = tls.connect({
    port,
    host: '127.0.0.1',
    ca: ca.certificatePem,
    key: client.keyPem,
    cert: client.certificatePem,
    // The name is not the question here, only what the certificate may be used for.
    checkServerIdentity: () => undefined,
  })
  const heard = await new Promise<boolean>((resolve) => {
    socket.on('data', () => resolve(true))
    socket.on('error', () => resolve(false))
    socket.on('close', () => resolve(false))
  })
  socket.destroy()
  listener.close()
  return heard
}

describe('the certificate authority', () => {
  test('an agent certificate carries its role and server, and nothing of the request', async () => {
    const ca = await openCa(await createAuthority(clock), clock)
    const agent = await issued(ca)
    const certificate = new X509Certificate(agent.certificatePem)
    assert.deepEqual(agentOf(certificate.subjectAltName), identity)
    assert.equal(certificate.subject, `CN=${identity.serverId}`)
    assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2'])
    assert.equal(certificate.ca, false)
    assert.equal(certificate.serialNumber.toLowerCase(), agent.serial)
    assert.equal(certificate.fingerprint256.replaceAll(':', '').toLowerCase(), agent.fingerprint)
    assert.ok(Math.abs(agent.notAfter - clock.now() - LIMITS.certificateLife) < 5_000)
  })

  test('the roles cannot be swapped: an agent is no server, the link is no agent', async () => {
    const ca = await openCa(await createAuthority(clock), clock)
    const link = await ca.issueLink({ dns: ['localhost'], ip: ['127.0.0.1'] })
    const agent = await issued(ca)
    assert.equal(await handshake(ca, link, agent), true)
    assert.equal(await handshake(ca, agent, agent), false)
    assert.equal(await handshake(ca, link, link), false)
    assert.equal(agentOf(new X509Certificate(link.certificatePem).subjectAltName), undefined)
  })

  test('an agent cannot sign for another', async () => {
    const ca = await openCa(await createAuthority(clock), clock)
    const link = await ca.issueLink({ dns: [], ip: ['127.0.0.1'] })
    const agent = await issued(ca)
    const victim = `spiffe://mttrly/workspace/${identity.workspaceId}/server/${createId('server')}/agent`
    assert.equal(await handshake(ca, link, await forge(agent.keyPem, agent.certificatePem, victim)), false)
  })

  test('another authority of the same name is not this one', async () => {
    const ca = await openCa(await createAuthority(clock), clock)
    const link = await ca.issueLink({ dns: [], ip: ['127.0.0.1'] })
    const other = await openCa(await createAuthority(clock), clock)
    assert.equal(await handshake(ca, link, await issued(other)), false)
  })

  test('an expired certificate is refused', async () => {
    const authority = await createAuthority({ now: () => Date.now() - 2 * LIMITS.certificateLife })
    const past = await openCa(authority, { now: () => Date.now() - LIMITS.certificateLife - 1 })
    const ca = await openCa(authority, clock)
    const link = await ca.issueLink({ dns: [], ip: ['127.0.0.1'] })
    assert.equal(await handshake(ca, link, await issued(past)), false)
    assert.equal(await handshake(ca, link, await issued(ca)), true)
  })

  const P384 = { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' }
  const RSA = {
    name: 'RSASSA-PKCS1-v1_5',
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: 'SHA-256',
  }
  const requests: Record<string, [() => Promise<string>, string]> = {
    'a P-384 key': [async () => (await createCsr(P384)).csrPem, 'key'],
    'an RSA key': [async () => (await createCsr(RSA as never)).csrPem, 'key'],
    'no PEM at all': [async () => 'hello', 'form'],
    'a certificate in place of a request': [async () => (await createAuthority(clock)).certificatePem, 'form'],
    'two requests at once': [async () => (await createCsr()).csrPem + (await createCsr()).csrPem, 'form'],
    'base64 that is no request': [
      async () => '-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----',
      'form',
    ],
    'a signature by another key': [withForeignSignature, 'signature'],
  }
  for (const [name, [make, why]] of Object.entries(requests)) {
    test(`a request with ${name} is refused`, async () => {
      const ca = await openCa(await createAuthority(clock), clock)
      assert.deepEqual(await ca.issueAgent(await make(), identity), { refused: why })
    })
  }

  test('key and certificate of different authorities do not open', async () => {
    const [one, two] = [await createAuthority(clock), await createAuthority(clock)]
    await assert.rejects(openCa({ keyPem: one.keyPem, certificatePem: two.certificatePem }, clock), /not the key/)
  })
})

/** One bit of the signed part is changed, in the subject, so that the form stays sound. */
async function withForeignSignature(): Promise<string> {
  const { csrPem } = await createCsr()
  const der = Buffer.from(csrPem.replace(/-----[^-]+-----|\s/g, ''), 'base64')
  const at = der.indexOf('mttrly')
  der[at] = 'M'.charCodeAt(0)
  return `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`
}

test('only an agent’s own name is one', () => {
  const san = `URI:spiffe://mttrly/workspace/${identity.workspaceId}/server/${identity.serverId}/agent`
  assert.deepEqual(agentOf(san), identity)
  for (const other of [undefined, '', 'URI:spiffe://mttrly/central', `${san}, DNS:x`, `DNS:x, ${san}`, `${san}x`]) {
    assert.equal(agentOf(other), undefined)
  }
})
