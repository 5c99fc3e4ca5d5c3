// What Central may make an agent believe, and what not: whatever comes, it never believes nobody, nor a mere certificate.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fingerprintsOf, wrongAuthorities } from '../../../agent/identity/authorities.ts'
import { certificates } from '../../../agent/identity/certificates.ts'
import { createIdentityStore, type Identity } from '../../../agent/identity/identity.ts'
import { createRenewal } from '../../../agent/link/renewal.ts'
import { type Ca, createAuthority, openCa } from '../../../central/fleet/ca.ts'

const clock = { now: () => Date.now() }
const YEAR = 365 * 24 * 3_600_000
const authority = async (): Promise<Ca> => openCa(await createAuthority(clock), clock)
const log = { info() {}, warn() {}, error() {} }

describe('authorities that are to be believed', () => {
  let cas: Ca[]
  let identity: Identity
  let directory: string
  const pem = (...indexes: number[]): string => indexes.map((index) => cas[index]?.certificatePem).join('\n')
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'mttrly-identity-'))
    cas = await Promise.all(Array.from({ length: 5 }, authority))
    const serverId = `srv_${'a'.repeat(32)}`
    const { keyPem, csrPem } = certificates.createSigningRequest()
    const issued = await cas[0]?.issueAgent(csrPem, { workspaceId: `wsp_${'a'.repeat(32)}`, serverId })
    assert.ok(issued && 'certificatePem' in issued)
    const { certificatePem } = issued
    identity = { serverId, keyPem, certificatePem, caPem: pem(0), linkAddress: '127.0.0.1:1' }
  })
  after(() => rmSync(directory, { recursive: true, force: true }))

  it('are one to four, in order', () => {
    for (const good of [pem(0), pem(1, 0), pem(3, 2, 1, 0), `\n${pem(0)}\n\n`])
      assert.equal(wrongAuthorities(good, clock.now()), undefined)
    assert.deepEqual(fingerprintsOf(pem(1, 0)), [cas[1]?.fingerprint, cas[0]?.fingerprint])
  })

  const wrong: readonly [what: string, caPem: () => string | Promise<string>, why: RegExp][] = [
    ['none', () => '', /none/],
    ['too many', () => pem(0, 1, 2, 3, 4), /too many/],
    ['the same twice', () => pem(0, 0), /twice/],
    ['an agent’s own certificate', () => `${pem(0)}\n${identity.certificatePem}`, /no authority/],
    [
      'the certificate of the link',
      async () => (await cas[0]?.issueLink({ dns: [], ip: [] }))?.certificatePem ?? '',
      /no authority/,
    ],
    ['a key among them', async () => `${(await createAuthority(clock)).keyPem}${pem(0)}`, /more in it/],
    ['words', () => `${pem(0)}\nhello`, /more in it/],
    [
      'what only looks like one',
      () => '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----',
      /cannot be read/,
    ],
    [
      'one that has expired',
      async () => (await createAuthority({ now: () => Date.now() - 21 * YEAR })).certificatePem,
      /expired/,
    ],
  ]
  for (const [what, caPem, why] of wrong)
    it(`are not ${what}: what was believed stays, in memory and on disk`, async () => {
      const named = await caPem()
      assert.match(wrongAuthorities(named, clock.now()) ?? '', why)
      const store = createIdentityStore({ directory })
      store.write(identity)
      const renewal = createRenewal({ store, identity, clock, log, certificates })
      assert.equal(renewal.trust(named), false)
      assert.deepEqual([renewal.believes(), store.read()], [[cas[0]?.fingerprint], identity])
    })

  it('are on disk before they are believed; when that fails, nothing has changed', () => {
    const store = createIdentityStore({ directory })
    store.write(identity)
    const renewal = createRenewal({ store, identity, clock, log, certificates })
    assert.equal(renewal.trust(pem(1, 0)), true)
    assert.deepEqual(store.read(), { ...identity, caPem: pem(1, 0) })
    const full = () => {
      throw new Error('ENOSPC')
    }
    const unlucky = createRenewal({ store: { ...store, believe: full }, identity, clock, log, certificates })
    assert.equal(unlucky.trust(pem(1, 0)), false)
    assert.deepEqual(unlucky.believes(), [cas[0]?.fingerprint])
  })

  it('do not undo that the host was enrolled again as another server', () => {
    const store = createIdentityStore({ directory })
    const renewal = createRenewal({ store, identity, clock, log, certificates })
    const another = { ...identity, serverId: `srv_${'b'.repeat(32)}` }
    store.write(another)
    renewal.trust(pem(1, 0))
    assert.deepEqual(store.read(), another)
  })

  it('make a new certificate due when another one issues, once, and take the one that it issues', async () => {
    const store = createIdentityStore({ directory })
    store.write(identity)
    const renewal = createRenewal({ store, identity, clock, log, certificates })
    assert.equal(renewal.request(), undefined)
    renewal.trust(pem(0, 1))
    assert.equal(renewal.request(), undefined, 'the next authority is known, and does not issue')
    renewal.trust(pem(1, 0))
    const csrPem = renewal.request()?.certificateRequest?.csrPem ?? ''
    assert.equal(renewal.request(), undefined, 'one request at a time')
    const issued = await cas[1]?.issueAgent(csrPem, {
      workspaceId: `wsp_${'a'.repeat(32)}`,
      serverId: identity.serverId,
    })
    assert.ok(issued && 'certificatePem' in issued)
    assert.equal(renewal.received(issued.certificatePem), true)
    assert.equal(renewal.next().identity.certificatePem, issued.certificatePem)
  })
})
