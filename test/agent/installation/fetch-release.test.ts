import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { sha256 } from '#proto/contract/grant.ts'
import { SIGNATURE_FILE } from '#proto/contract/release.ts'
import { type StageOptions, stageRelease } from '../../../agent/installation/fetch-release.ts'
import { packTarGz, unpackTarGz } from '../../../install/release/tar.ts'
import { newReleaseKey } from '../../helpers/release.ts'
import { giveAll, type Made, makeSmallRelease, NOW, serveRelease } from './served-release.ts'

type World = Awaited<ReturnType<typeof serveRelease>>
const DAY = 24 * 3_600_000

/** Everything under a directory with its kind, mode and content. */
function treeOf(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((path) => {
      const stat = lstatSync(join(root, path))
      const what = stat.isFile()
        ? sha256(readFileSync(join(root, path)))
        : stat.isSymbolicLink()
          ? readlinkSync(join(root, path))
          : 'directory'
      return `${path} ${stat.mode.toString(8)} ${what}`
    })
    .sort()
}

async function refused(world: World, over: Partial<StageOptions> = {}) {
  const before = treeOf(world.layout.home)
  const answer = await stageRelease({ ...world.options(), ...over })
  assert.ok(!answer.ok, 'it was taken')
  assert.deepEqual(treeOf(world.layout.home), before, 'something was left or changed')
  return answer
}

describe('a release is brought to the host', () => {
  test('whole, with its modes, its runtime and its signed manifest', async (t) => {
    const world = await serveRelease(t)
    const answer = await stageRelease(world.options())
    assert.ok(answer.ok, JSON.stringify(answer))
    assert.deepEqual(answer.brought, ['runtime', 'agent'])
    const { layout, made } = world
    const [, runtime] = made().manifest.artifacts
    assert.deepEqual(
      treeOf(join(layout.versions, '1.1.0')).map((line) => line.split(' ').slice(0, 2).join(' ')),
      [
        'agent.mjs 100644',
        'converge.sh 100755',
        'manifest.json 100644',
        'manifest.sig 100644',
        'node 120777',
        'units 40755',
        'units/a.service 100644',
      ],
    )
    assert.equal(readFileSync(join(layout.versions, '1.1.0/node')).length, 2_000_000)
    assert.ok(readFileSync(join(layout.versions, '1.1.0/manifest.json')).equals(made().bytes))
    assert.ok(runtime?.kind === 'runtime' && existsSync(join(layout.runtimes, runtime.id, 'LICENSE')))
    assert.equal(readlinkSync(layout.current), 'versions/1.0.0', 'nothing is switched')
    assert.equal(existsSync(layout.staging), false)
    assert.equal(readFileSync(layout.minimumVersion, 'utf8'), '1.0.0\n')
  })

  test('and only what is lacking or not as it should be is fetched again', async (t) => {
    const world = await serveRelease(t)
    await stageRelease(world.options())
    const whole = treeOf(world.layout.home)
    const version = join(world.layout.versions, '1.1.0')
    const again = async (): Promise<readonly string[]> => {
      world.asked.length = 0
      const answer = await stageRelease({ ...world.options(), installed: '1.1.0' })
      assert.ok(answer.ok)
      assert.deepEqual(treeOf(world.layout.home), whole)
      return answer.brought
    }
    assert.deepEqual(await again(), [])
    assert.deepEqual(world.asked, ['manifest.json', 'manifest.sig'])
    for (const damage of [
      () => writeFileSync(join(version, 'agent.mjs'), 'other'),
      () => chmodSync(join(version, 'units/a.service'), 0o666),
      () => writeFileSync(join(version, 'units/more'), 'extra'),
      () => rmSync(join(version, 'node')),
      () => rmSync(version, { recursive: true }),
      () => {
        rmSync(join(version, 'units'), { recursive: true })
        symlinkSync('/etc', join(version, 'units'))
      },
      () => {
        rmSync(join(version, 'agent.mjs'))
        mkdirSync(join(version, 'agent.mjs/agent.mjs'), { recursive: true })
      },
      () => {
        rmSync(version, { recursive: true })
        symlinkSync('/etc', version)
      },
    ]) {
      damage()
      assert.deepEqual(await again(), ['agent'], String(damage))
    }
    assert.ok(existsSync('/etc/passwd'))
  })
})

describe('a release is refused, and nothing is left of it:', () => {
  const cases: Record<string, [why: string, arrange: (world: World) => unknown]> = {
    'a wrong signature': ['signature', (world) => void world.serve(makeSmallRelease(newReleaseKey()))],
    'a manifest changed after it was signed': [
      'signature',
      ({ made }) =>
        void made().files.set('manifest.json', Buffer.from(made().bytes.toString().replace('1.1.0', '1.1.1'))),
    ],
    'an older one, rightly signed': [
      'older',
      ({ serve, key }) => void serve(makeSmallRelease(key, { version: '0.9.0', minimum_version: '0.1.0' })),
    ],
    'one below a minimum that was once seen': [
      'below_minimum',
      ({ layout }) => void writeFileSync(layout.minimumVersion, '1.2.0\n'),
    ],
    'one of another architecture': ['architecture', () => ({ arch: 'arm64' })],
    'an expired one': ['expired', () => ({ now: NOW + 31 * DAY })],
    'one from the future': ['clock', () => ({ now: NOW - 30 * DAY })],
    'another manifest than the approved': [
      'not_approved',
      ({ serve, key }) => {
        const manifestSha256 = sha256(makeSmallRelease(key).bytes)
        serve(makeSmallRelease(key, { capability_version: 2 }))
        return { manifestSha256 }
      },
    ],
    'another version than asked for': ['another_version', () => ({ version: '1.2.0' })],
    'a swapped archive': [
      'hash',
      ({ made }) => {
        const archive = made().files.get('agent-1.1.0.tar.gz')
        if (archive) archive[archive.length >> 1] = (archive[archive.length >> 1] ?? 0) ^ 1
      },
    ],
    'a huge archive': [
      'size',
      ({ answer }) =>
        answer((file, content, response) => {
          if (!file.startsWith('runtime')) return giveAll(file, content, response)
          const pour = (): void => {
            while (!response.destroyed && response.write(Buffer.alloc(1_048_576)));
            response.once('drain', pour)
          }
          pour()
        }),
    ],
    'a huge manifest': [
      'size',
      ({ answer }) =>
        answer((file, content, response) =>
          file === 'manifest.json' ? void response.end(Buffer.alloc(2_000_000, ' ')) : giveAll(file, content, response),
        ),
    ],
    'a web page instead of the manifest': [
      'web_page',
      ({ answer }) => answer((_file, _content, response) => void response.end('\n<!DOCTYPE html><html>Sign in</html>')),
    ],
    'a web page instead of an archive': [
      'web_page',
      ({ answer }) =>
        answer((file, content, response) =>
          file.startsWith('agent') ? void response.end('<html>Sign in</html>') : giveAll(file, content, response),
        ),
    ],
    'a sign-in page behind a redirection': [
      'unreachable',
      ({ answer }) => answer((_file, _content, response) => void response.writeHead(302, { location: '/x' }).end()),
    ],
    'a download that is cut, with a length': [
      'cut',
      ({ answer }) =>
        answer((file, content, response) => {
          if (!file.startsWith('runtime')) return giveAll(file, content, response)
          response.writeHead(200, { 'content-length': content?.length ?? 0 })
          response.write(content?.subarray(0, 100), () => response.destroy())
        }),
    ],
    'a download that is cut, without a length': [
      'cut',
      ({ answer }) =>
        answer((file, content, response) =>
          giveAll(file, file.startsWith('runtime') ? content?.subarray(0, 100) : content, response),
        ),
    ],
    'no Central': ['unreachable', ({ layout }) => void writeFileSync(layout.centralUrl, 'http://127.0.0.1:1/')],
    'no release at Central': ['unreachable', ({ made }) => made().files.clear()],
    'a missing release key': ['no_key', ({ layout }) => rmSync(layout.releaseKey)],
    'a key that is none': ['no_key', ({ layout }) => writeFileSync(layout.releaseKey, 'garbage')],
    'too little space': ['space', () => ({ slack: 2 ** 50 })],
  }
  for (const [name, [why, arrange]] of Object.entries(cases))
    test(name, async (t) => {
      const world = await serveRelease(t)
      const over = (arrange(world) ?? {}) as Partial<StageOptions>
      const answer = await refused(world, over)
      assert.equal(answer.why, why, answer.detail)
      assert.ok(answer.detail.length > 10)
    })

  test('a disk that fills up on the way', {
    skip: process.getuid?.() === 0 ? false : 'mounting needs root',
  }, async (t) => {
    const disk = mkdtempSync(join(tmpdir(), 'mttrly-disk-'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', disk])
    t.after(() => {
      execFileSync('umount', [disk])
      rmSync(disk, { recursive: true })
    })
    const cleanup: (() => unknown)[] = []
    const world = await serveRelease({ after: (hook) => cleanup.push(hook) }, join(disk, 'root'))
    world.answer((file, content, response) => {
      if (file.startsWith('runtime')) writeFileSync(join(disk, 'somebody-elses'), Buffer.alloc(5_000_000))
      giveAll(file, content, response)
    })
    const answer = await refused(world)
    assert.equal(answer.why, 'space', answer.detail)
    for (const end of cleanup.reverse()) await end()
  })

  test('the pieces of an archive that hold more, less or other than the manifest says', async (t) => {
    const key = newReleaseKey()
    const good = makeSmallRelease(key)
    const files = [...unpackTarGz(good.files.get('agent-1.1.0.tar.gz') ?? Buffer.alloc(0))].map(([path, content]) => ({
      path,
      mode: 0o644 as const,
      content,
    }))
    const link = (type: string): Buffer => {
      // A link that leads out, then a file through it: what an archive of somebody else would try.
      const directory = mkdtempSync(join(tmpdir(), 'mttrly-link-'))
      if (type === 'soft') symlinkSync('/etc', join(directory, 'agent.mjs'))
      else {
        writeFileSync(join(directory, 'a'), '')
        execFileSync('ln', [join(directory, 'a'), join(directory, 'agent.mjs')])
      }
      const names = type === 'soft' ? ['agent.mjs'] : ['a', 'agent.mjs']
      const tar = execFileSync('tar', ['-cf', '-', '--format=ustar', '-C', directory, ...names])
      rmSync(directory, { recursive: true })
      return gzipSync(tar)
    }
    const climbing = packTarGz([...files, { path: '../../evil', mode: 0o644, content: Buffer.from('x') }])
    const archives: Record<string, Buffer> = {
      'a file more': packTarGz([...files, { path: 'extra', mode: 0o644, content: Buffer.from('x') }]),
      'a path that climbs': climbing,
      'an absolute path': packTarGz([{ path: '/tmp/evil', mode: 0o644, content: Buffer.from('x') }]),
      'a symbolic link': link('soft'),
      'a hard link': link('hard'),
      'a file less': packTarGz(files.slice(1)),
      'a file twice': packTarGz([...files, ...files]),
      'another content': packTarGz(files.map((file) => ({ ...file, content: Buffer.from('other') }))),
      'a file that is larger': packTarGz(files.map((file) => ({ ...file, content: Buffer.alloc(500_000) }))),
      'no archive': gzipSync('garbage'.repeat(200)),
      'no gzip': Buffer.from('garbage'),
    }
    const world = await serveRelease(t)
    for (const [name, agent] of Object.entries(archives)) {
      // The runtime is there already, so that whatever changes is of this archive.
      const release: Made = makeSmallRelease(world.key, {}, { agent })
      await stageRelease({ ...world.options(), version: release.manifest.version })
      rmSync(join(world.layout.versions, '1.1.0'), { recursive: true, force: true })
      world.serve(release)
      const answer = await refused(world)
      assert.equal(answer.why, 'contents', `${name}: ${answer.detail}`)
    }
    assert.ok(good.files.has(SIGNATURE_FILE))
  })
})
