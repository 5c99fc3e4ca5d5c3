import assert from 'node:assert/strict'
import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { KeysFault, loadKeys, loadOrCreatePrivateKey, loadOrCreateSecret } from '../../../central/fleet/keys.ts'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'mttrly-keys-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const names = { dns: ['localhost'], ip: ['127.0.0.1', '::1'] }
const load = (link = names, now = Date.now()) => loadKeys(join(root, 'keys'), { clock: { now: () => now }, link })

test('the first start makes the keys, the next one finds the same', async () => {
  const first = await load()
  const second = await load()
  assert.equal(second.ca.fingerprint, first.ca.fingerprint)
  assert.equal(second.link.certificatePem, first.link.certificatePem)
  assert.ok(second.actionKey.equals(first.actionKey))
  assert.equal(first.actionKey.asymmetricKeyType, 'ed25519')
})

test('keys are for their owner alone, and nothing is left beside them', async () => {
  await load()
  assert.equal(statSync(join(root, 'keys')).mode & 0o777, 0o700)
  for (const name of readdirSync(join(root, 'keys'))) {
    assert.equal(statSync(join(root, 'keys', name)).mode & 0o777, 0o600, name)
  }
  assert.deepEqual(readdirSync(root), ['keys'])
})

for (const name of ['ca.pem', 'action.key']) {
  test(`a directory that lost ${name} is noticed, and not filled again`, async () => {
    await load()
    rmSync(join(root, 'keys', name))
    await assert.rejects(load(), KeysFault)
    assert.ok(!readdirSync(join(root, 'keys')).includes(name))
  })

  test(`${name} cut off in the middle is noticed`, async () => {
    await load()
    const path = join(root, 'keys', name)
    writeFileSync(path, readFileSync(path).subarray(0, 40))
    await assert.rejects(load())
    writeFileSync(path, '')
    await assert.rejects(load(), KeysFault)
  })
}

test('a first start that was interrupted leaves nothing that the next one trusts', async () => {
  const aside = join(root, 'keys.new-abc')
  const { mkdirSync } = await import('node:fs')
  mkdirSync(aside)
  writeFileSync(join(aside, 'ca.pem'), 'half')
  assert.ok((await load()).ca.fingerprint)
})

test('a key that others can read is refused', async () => {
  await load()
  chmodSync(join(root, 'keys', 'ca.pem'), 0o640)
  await assert.rejects(load(), /can be read by others/)
})

test('the link certificate carries the names, and is issued anew when they change or half its life is over', async () => {
  const first = await load()
  const certificate = new X509Certificate(first.link.certificatePem)
  assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.1'])
  assert.equal(
    certificate.subjectAltName,
    'URI:spiffe://mttrly/central, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
  )
  const renamed = await load({ dns: ['central.example'], ip: [] })
  assert.notEqual(renamed.link.certificatePem, first.link.certificatePem)
  const later = await load({ dns: ['central.example'], ip: [] }, Date.now() + 400 * 24 * 3_600_000)
  assert.notEqual(later.link.certificatePem, renamed.link.certificatePem)
  assert.equal(later.ca.fingerprint, first.ca.fingerprint)
})

test('secrets and keys by name stay the same', async () => {
  await load()
  const dir = join(root, 'keys')
  const secret = loadOrCreateSecret(dir, 'data.key', 32)
  assert.equal(secret.length, 32)
  assert.deepEqual(loadOrCreateSecret(dir, 'data.key', 32), secret)
  const make = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const key = loadOrCreatePrivateKey(dir, 'token.key', make)
  assert.ok(loadOrCreatePrivateKey(dir, 'token.key', make).equals(key))
  writeFileSync(join(dir, 'other.key.partial'), 'half')
  assert.equal(loadOrCreateSecret(dir, 'other.key', 16).length, 16)
  assert.throws(() => loadOrCreateSecret(dir, '../escape', 16), TypeError)
})
