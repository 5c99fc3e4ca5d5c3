import assert from 'node:assert/strict'
import { createHash, createPublicKey } from 'node:crypto'
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, describe, type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { MANIFEST_FILE, RELEASE_KEY_FILE, type ReleaseManifest, SIGNATURE_FILE } from '#proto/contract/release.ts'
import { createHttp } from '../../../central/http/server.ts'
import { fillInstaller } from '../../../central/releases/installer.ts'
import { createReleases } from '../../../central/releases/releases.ts'
import { registerReleaseRoutes } from '../../../central/releases/routes.ts'
import { newReleaseKey, ROOT, smallRelease } from '../../helpers/release.ts'

const FINGERPRINT = 'cd'.repeat(32)
const key = newReleaseKey()
const built = mkdtempSync(join(tmpdir(), 'mttrly-built-'))
process.once('exit', () => rmSync(built, { recursive: true, force: true }))
let manifest: ReleaseManifest
before(async () => {
  manifest = await smallRelease(built, { key })
})

const FILES = () => [MANIFEST_FILE, SIGNATURE_FILE, RELEASE_KEY_FILE, ...manifest.artifacts.map(({ file }) => file)]

/** Central's HTTP server on a copy of the release that has been built. */
async function serve(t: TestContext, options: { empty?: boolean } = {}) {
  const parent = mkdtempSync(join(tmpdir(), 'mttrly-releases-'))
  const directory = join(parent, 'releases')
  t.after(() => rmSync(parent, { recursive: true, force: true }))
  const put = () => {
    rmSync(directory, { recursive: true, force: true })
    const aside = mkdtempSync(join(parent, 'copy-'))
    for (const file of FILES()) copyFileSync(join(built, file), join(aside, file))
    renameSync(aside, directory)
  }
  if (!options.empty) put()
  const log = pino({ level: 'silent' })
  let now = Date.parse('2026-12-01T00:00:00Z')
  const keyFile = join(directory, RELEASE_KEY_FILE)
  const releases = createReleases({ directory, keyFile, clock: { now: () => now }, log })
  const app = await createHttp({ log, https: false, trustProxy: false })
  registerReleaseRoutes(app, { releases, publicUrl: 'https://central.example', caFingerprint: FINGERPRINT })
  t.after(() => app.close())
  return {
    directory,
    parent,
    put,
    releases,
    setNow: (time: string) => {
      now = Date.parse(time)
    },
    get: (url: string, headers: Record<string, string> = {}) => app.inject({ url, headers }),
    head: (url: string) => app.inject({ method: 'HEAD', url }),
  }
}

const agentFile = () => manifest.artifacts[0] ?? assert.fail()
const PAGES = () => ['/install.sh', '/v1/version', `/releases/${MANIFEST_FILE}`, `/releases/${agentFile().file}`]

async function nothingServed({ get }: Awaited<ReturnType<typeof serve>>, why: string): Promise<void> {
  for (const url of PAGES()) {
    const answer = await get(url)
    assert.equal(answer.statusCode, 404, url)
    assert.equal(answer.json().code, 'NOT_FOUND')
    assert.deepEqual(answer.json().details, { resource: 'release', why })
  }
}

describe('a release that is served', () => {
  test('every archive is streamed as it was signed for, and may be kept for good', async (t) => {
    const { get } = await serve(t)
    for (const { file, kind, sha256, size } of manifest.artifacts.filter(({ kind }) => kind !== 'installer')) {
      const answer = await get(`/releases/${file}`)
      assert.equal(answer.statusCode, 200, kind)
      assert.equal(createHash('sha256').update(answer.rawPayload).digest('hex'), sha256)
      assert.equal(answer.headers['content-length'], String(size))
      assert.match(String(answer.headers['cache-control']), /immutable/)
      const again = await get(`/releases/${file}`, { 'if-none-match': String(answer.headers.etag) })
      assert.deepEqual([again.statusCode, again.rawPayload.length], [304, 0])
    }
  })

  test('manifest and signature come byte by byte, and are asked for each time', async (t) => {
    const { get } = await serve(t)
    for (const file of [MANIFEST_FILE, SIGNATURE_FILE]) {
      const answer = await get(`/releases/${file}`)
      assert.ok(answer.rawPayload.equals(readFileSync(join(built, file))))
      assert.equal(answer.headers['cache-control'], 'no-cache')
    }
  })

  test('a HEAD is answered as its GET would be, without the body', async (t) => {
    const { get, head } = await serve(t)
    const told = ({ statusCode, headers: { date: _date, ...headers } }: Awaited<ReturnType<typeof get>>) => ({
      statusCode,
      headers: Object.entries(headers).filter(([name]) => !name.startsWith('x-ratelimit')),
    })
    const urls = [...PAGES(), `/releases/${SIGNATURE_FILE}`, '/releases/none']
    for (const url of urls) {
      const answer = await head(url)
      assert.deepEqual(told(answer), told(await get(url)), url)
      assert.equal(answer.rawPayload.length, 0)
    }
    const open = () => readdirSync('/proc/self/fd').length
    const before = open()
    for (let i = 0; i < 20; i++) await head(`/releases/${agentFile().file}`)
    assert.ok(open() < before + 10, 'no archive is left open')
  })

  test('the version is told to anyone', async (t) => {
    const { get } = await serve(t)
    const answer = await get('/v1/version')
    assert.deepEqual(answer.json(), {
      version: '1.2.3',
      minimum_version: '1.0.0',
      capability_version: manifest.capability_version,
      expires: '2027-11-22T12:00:00.000Z',
    })
  })

  test('the installer knows this Central and the release key, and has no placeholder left', async (t) => {
    const { get } = await serve(t)
    const { body, headers } = await get('/install.sh')
    assert.match(String(headers['content-type']), /^text\/x-shellscript/)
    assert.match(body, /'https:\/\/central\.example'/)
    assert.ok(body.includes(`'${FINGERPRINT}'`))
    assert.ok(body.includes(createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString().trim()))
    const template = readFileSync(join(ROOT, 'install/agent/install.sh'), 'utf8')
    assert.equal(body.split('\n').length, template.split('\n').length + 3, 'the key has four lines')
    assert.doesNotMatch(body, /@[A-Z]+_[A-Z_]+@/)
  })

  test('a new release in its place is served without a start; a broken one leaves the one before', async (t) => {
    const { get, directory, put, parent } = await serve(t)
    const version = async () => (await get('/v1/version')).json().version
    assert.equal(await version(), '1.2.3')
    writeFileSync(join(directory, SIGNATURE_FILE), 'not a signature')
    assert.equal(await version(), '1.2.3')
    put()
    assert.equal(await version(), '1.2.3')
    await smallRelease(directory, { key, version: '1.3.0' })
    assert.equal(await version(), '1.3.0')
    renameSync(directory, join(parent, 'gone'))
    assert.equal((await get('/v1/version')).statusCode, 404)
  })
})

describe('nothing is served', () => {
  test('without a release', async (t) => nothingServed(await serve(t, { empty: true }), 'none'))

  test('when the signature is by another key', async (t) => {
    const served = await serve(t)
    const other = createPublicKey(newReleaseKey()).export({ type: 'spki', format: 'pem' })
    writeFileSync(join(served.directory, RELEASE_KEY_FILE), other)
    await nothingServed(served, 'invalid')
  })

  test('when the manifest was changed', async (t) => {
    const served = await serve(t)
    const path = join(served.directory, MANIFEST_FILE)
    writeFileSync(path, readFileSync(path, 'utf8').replace('"version":"1.2.3"', '"version":"9.9.9"'))
    await nothingServed(served, 'invalid')
  })

  test('when the installer was changed', async (t) => {
    const served = await serve(t)
    const path = join(served.directory, 'install.sh')
    writeFileSync(path, readFileSync(path, 'utf8').replace('set -', 'set +'))
    await nothingServed(served, 'invalid')
  })

  test('when an archive is missing, is shorter, or is a link', async (t) => {
    for (const spoil of [
      (path: string) => rmSync(path),
      (path: string) => writeFileSync(path, 'short'),
      (path: string) => {
        renameSync(path, `${path}.real`)
        symlinkSync(`${path}.real`, path)
      },
    ]) {
      const served = await serve(t)
      spoil(join(served.directory, agentFile().file))
      await nothingServed(served, 'invalid')
    }
  })

  test('once it has expired', async (t) => {
    const served = await serve(t)
    assert.equal((await served.get('/v1/version')).statusCode, 200)
    served.setNow('2027-11-22T12:00:00Z')
    await nothingServed(served, 'expired')
  })
})

describe('the disk', () => {
  test('no name but those of the manifest opens a file', async (t) => {
    const { get, directory, parent } = await serve(t)
    writeFileSync(join(directory, 'stray.tar.gz'), 'stray')
    writeFileSync(join(directory, 'release-dev.key'), 'secret')
    writeFileSync(join(parent, 'central.db'), 'secret')
    for (const name of [
      'stray.tar.gz',
      'release-dev.key',
      RELEASE_KEY_FILE,
      '../central.db',
      '..%2fcentral.db',
      '%2e%2e%2fcentral.db',
      '..%5ccentral.db',
      `./${agentFile().file}`.replace('/', '%2f'),
      `${agentFile().file}%00`,
      `${agentFile().file}/`,
      '%2fetc%2fpasswd',
      '',
      '.',
      'constructor',
      '__proto__',
    ]) {
      const answer = await get(`/releases/${name}`)
      assert.ok([400, 404].includes(answer.statusCode), `${name}: ${answer.statusCode}`)
      assert.doesNotMatch(answer.body, /secret|stray|root:/)
    }
  })

  test('an archive that was replaced by a link since it was looked at is not followed', async (t) => {
    const { get, directory, parent } = await serve(t)
    const { file, size } = agentFile()
    assert.equal((await get('/v1/version')).statusCode, 200)
    writeFileSync(join(parent, 'secret'), Buffer.alloc(size, 's'))
    rmSync(join(directory, file))
    symlinkSync(join(parent, 'secret'), join(directory, file))
    const answer = await get(`/releases/${file}`)
    assert.equal(answer.statusCode, 404)
    assert.equal(answer.headers['cache-control'], 'no-store')
  })
})

describe('filling in the installer', () => {
  const values = {
    publicUrl: 'https://[2001:db8::1]:8443',
    caFingerprint: FINGERPRINT,
    releaseKeyPem: '-----BEGIN X-----\nAA+/==\n-----END X-----\n',
  }
  test('an address or a key that could leave its quotes is refused', () => {
    assert.equal(fillInstaller(`A='@PUBLIC_URL@'`, values), `A='https://[2001:db8::1]:8443'`)
    for (const publicUrl of [`https://a'b.example`, 'https://$(id).example', 'https://a`id`', 'a\\', ''])
      assert.throws(() => fillInstaller(`A='@PUBLIC_URL@'`, { ...values, publicUrl }), TypeError, publicUrl)
  })

  test('a placeholder that nobody fills is a fault', () => {
    assert.throws(() => fillInstaller('@SOMETHING_NEW@', values), TypeError)
  })
})
