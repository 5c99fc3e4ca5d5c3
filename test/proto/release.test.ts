import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { describe, test } from 'node:test'
import {
  compareVersions,
  formatManifest,
  type ReleaseManifest,
  refuseRelease,
  signManifest,
  verifyManifest,
} from '#proto/contract/release.ts'

const HASH = 'ab'.repeat(32)
const sizes = { sha256: HASH, size: 10, unpacked: 20 }
const manifest = (change: Partial<ReleaseManifest> = {}): ReleaseManifest => ({
  format: 1,
  version: '1.2.3',
  capability_version: 4,
  minimum_version: '1.0.0',
  created: '2026-11-22T12:00:00.000Z',
  expires: '2027-11-22T12:00:00.000Z',
  artifacts: [
    { kind: 'agent', arch: 'x64', file: 'mttrly-agent-1.2.3-x64.tar.gz', ...sizes },
    { kind: 'runtime', arch: 'x64', file: 'node-x.tar.gz', ...sizes, id: '0123456789abcdef', node: '24.21.0' },
    { kind: 'installer', arch: 'any', file: 'install.sh', ...sizes },
  ],
  contents: [{ kind: 'agent', arch: 'x64', path: 'units/mttrly-lane-read@.service', mode: '0644', sha256: HASH }],
  ...change,
})

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
const whyNot = (content: Buffer, signature: Buffer, key = publicKey) => {
  const verified = verifyManifest(content, signature, key)
  return verified.ok ? 'nothing' : verified.why
}

describe('a manifest', () => {
  const content = formatManifest(manifest())
  const signature = signManifest(content, privateKey)

  test('comes back as it was', () => {
    assert.deepEqual(verifyManifest(content, signature, publicKey), { ok: true, manifest: manifest() })
  })

  test('has every object and every plain field on a line of its own, so that sed can read it', () => {
    const text = content.toString()
    assert.equal(text.split('\n').filter((line) => /^\{"kind":.*\},?$/.test(line)).length, 4)
    assert.match(text, /^"version":"1\.2\.3",$/m)
  })

  test('is refused with another signature, another key, or one byte changed', () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
    assert.equal(whyNot(content, signManifest(content, other.privateKey)), 'signature')
    assert.equal(
      whyNot(content, signature, createPublicKey(other.publicKey.export({ type: 'spki', format: 'pem' }))),
      'signature',
    )
    assert.equal(whyNot(Buffer.from(content.toString().replace('1.2.3', '1.2.4')), signature), 'signature')
    assert.equal(whyNot(content, Buffer.alloc(0)), 'signature')
  })

  test('is signed with ECDSA P-256 alone', () => {
    const { privateKey: wrong } = generateKeyPairSync('ec', { namedCurve: 'secp384r1' })
    assert.throws(() => signManifest(content, wrong), TypeError)
    assert.throws(() => verifyManifest(content, signature, createPublicKey(wrong)), TypeError)
  })

  for (const [what, bad] of [
    ['a file with a path', { artifacts: [{ kind: 'agent', arch: 'x64', file: '../../etc/passwd', ...sizes }] }],
    ['a hidden file', { artifacts: [{ kind: 'agent', arch: 'x64', file: '.bashrc', ...sizes }] }],
    ['contents that climb', { contents: [{ ...manifest().contents[0], path: 'units/../../../etc/cron.d/x' }] }],
    ['contents from the root', { contents: [{ ...manifest().contents[0], path: '/etc/cron.d/x' }] }],
    ['a setuid file', { contents: [{ ...manifest().contents[0], mode: '4755' }] }],
    ['two files of one name', { artifacts: [manifest().artifacts[0], manifest().artifacts[0]] }],
    ['a later format', { format: 2 }],
    ['a field nobody knows', { run: 'rm -rf /' }],
    ['a version that is none', { version: 'latest' }],
  ] as const)
    test(`is refused with ${what}, though it is signed`, () => {
      const signed = Buffer.from(JSON.stringify({ ...manifest(), ...bad }))
      assert.equal(whyNot(signed, sign('sha256', signed, privateKey)), 'form')
    })
})

test('versions are ordered as Semantic Versioning says', () => {
  const ordered = [
    '0.9.9',
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0-rc.1',
    '1.0.0',
    '1.0.1',
    '1.2.0',
    '1.10.0',
    '2.0.0',
  ]
  for (const [i, version] of ordered.entries()) {
    assert.equal(compareVersions(version, version), 0)
    for (const later of ordered.slice(i + 1)) {
      assert.ok(compareVersions(version, later) < 0, `${version} < ${later}`)
      assert.ok(compareVersions(later, version) > 0, `${later} > ${version}`)
    }
  }
  assert.throws(() => compareVersions('1.0', '1.0.0'), TypeError)
})

describe('a host', () => {
  const now = Date.parse('2026-12-01T00:00:00Z')
  const host = { now, arch: 'x64' }
  for (const [expected, given] of [
    [undefined, host],
    [undefined, { ...host, installed: '1.2.3' }],
    [undefined, { ...host, installed: '1.2.2', minimum: '1.2.3' }],
    ['older', { ...host, installed: '1.2.4-rc.1' }],
    ['below_minimum', { ...host, minimum: '1.3.0' }],
    ['expired', { ...host, now: Date.parse('2027-11-22T12:00:00Z') }],
    ['clock', { ...host, now: Date.parse('2016-01-01T00:00:00Z') }],
    ['architecture', { ...host, arch: 'arm64' }],
    ['architecture', { ...host, arch: 'any' }],
  ] as const)
    test(`${expected === undefined ? 'takes' : `refuses as ${expected}`}: ${JSON.stringify(given)}`, () => {
      assert.equal(refuseRelease(manifest(), given), expected)
    })

  test('takes nothing below the minimum that the manifest itself sets', () => {
    assert.equal(refuseRelease(manifest({ minimum_version: '2.0.0' }), host), 'below_minimum')
  })
})
