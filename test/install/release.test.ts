import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, type TestContext, test } from 'node:test'
import { MANIFEST_FILE, RELEASE_KEY_FILE, SIGNATURE_FILE } from '#proto/contract/release.ts'
import { bundleAgent, inputsOf, packagesIn } from '../../install/release/bundle.ts'
import { releaseKey } from '../../install/release/keys.ts'
import { PINS } from '../../install/release/packages.ts'
import { dropSymbols } from '../../install/release/strip.ts'
import { packTarGz, unpackTarGz } from '../../install/release/tar.ts'
import { newReleaseKey, ROOT, smallRelease } from '../helpers/release.ts'

function scratch(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'mttrly-release-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex')

describe('an archive', () => {
  const files = [
    { path: 'units/z.service', mode: 0o644, content: Buffer.alloc(513, 'z') },
    { path: 'agent.mjs', mode: 0o755, content: Buffer.from('agent') },
    { path: 'empty', mode: 0o644, content: Buffer.alloc(0) },
  ] as const

  test('has the same bytes in whatever order it is made, and tells no time and no owner', (t) => {
    const archive = packTarGz(files)
    assert.ok(archive.equals(packTarGz(files.toReversed())))
    assert.equal(archive.readUInt32LE(4), 0, 'the time in the gzip header')
    const path = join(scratch(t), 'a.tar.gz')
    writeFileSync(path, archive)
    const listed = execFileSync('tar', ['tzvf', path, '--numeric-owner', '--utc'], { encoding: 'utf8' })
    assert.deepEqual(
      listed
        .trim()
        .split('\n')
        .map((line) => line.replace(/\s+/g, ' ')),
      [
        'drwxr-xr-x 0/0 0 1970-01-01 00:00 units/',
        '-rwxr-xr-x 0/0 5 1970-01-01 00:00 agent.mjs',
        '-rw-r--r-- 0/0 0 1970-01-01 00:00 empty',
        '-rw-r--r-- 0/0 513 1970-01-01 00:00 units/z.service',
      ],
    )
  })

  test('unpacks to what went in', () => {
    const unpacked = unpackTarGz(packTarGz(files))
    assert.deepEqual([...unpacked].sort(), files.map(({ path, content }) => [path, content]).sort())
  })
})

describe('the runtime', () => {
  test('runs without its symbols', (t) => {
    const path = join(scratch(t), 'node')
    const whole = readFileSync(process.execPath)
    const stripped = dropSymbols(whole)
    assert.ok(stripped.length < whole.length)
    writeFileSync(path, stripped, { mode: 0o755 })
    assert.equal(execFileSync(path, ['-p', 'process.version'], { encoding: 'utf8' }).trim(), process.version)
  })

  test('is an ELF program or nothing', () => assert.throws(() => dropSymbols(Buffer.from('#!/bin/sh\n')), TypeError))

  test('and the native part are those that package.json and the lock file name', () => {
    const own = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
    const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'))
    for (const { node, pty } of Object.values(PINS)) {
      assert.equal(node.version, own.dependencies.node)
      assert.equal(`npm:@lydell/node-pty@${pty.version}`, own.dependencies['node-pty'])
      assert.equal(pty.integrity, lock.packages[`node_modules/${pty.name}`].integrity)
    }
  })
})

describe('the bundle', async () => {
  const { files, metafile } = await bundleAgent(ROOT, '9.8.7')
  const unpackedIn = (t: TestContext): string => {
    const directory = scratch(t)
    for (const { path, content } of files) writeFileSync(join(directory, path), content)
    writeFileSync(
      join(directory, 'pty.node'),
      readFileSync(join(ROOT, `node_modules/@lydell/node-pty-linux-${process.arch}/pty.node`)),
    )
    return directory
  }

  test('keeps the daemon lean: these packages and no others are ever loaded by it', () => {
    assert.deepEqual(packagesIn(inputsOf(metafile, 'agent/main.ts', ['agent/app.ts'])), [
      '@grpc/grpc-js',
      '@js-sdsl/ordered-map',
      '@protobufjs/aspromise',
      '@protobufjs/base64',
      '@protobufjs/codegen',
      '@protobufjs/eventemitter',
      '@protobufjs/fetch',
      '@protobufjs/float',
      '@protobufjs/path',
      '@protobufjs/pool',
      '@protobufjs/utf8',
      'long',
      'protobufjs',
    ])
    assert.deepEqual(packagesIn(inputsOf(metafile, 'agent/lanes/main.ts')), [])
    const enrolling = ['agent/app.ts', 'agent/enrol.ts']
    assert.ok(packagesIn(inputsOf(metafile, 'agent/main.ts', enrolling)).includes('zod'))
  })

  test('names the licence of every package in it', () => {
    const licences = files.find(({ path }) => path === 'licenses.txt')?.content.toString() ?? ''
    for (const name of packagesIn(Object.keys(metafile.inputs))) assert.match(licences, new RegExp(`^${name} \\d`, 'm'))
  })

  test('runs without the checkout', async (t) => {
    const directory = unpackedIn(t)
    const data = ['--data', join(directory, 'data'), '--config', join(directory, 'config')]
    const options = { cwd: '/', env: { PATH: '/usr/bin:/bin' } }
    const agent = [join(directory, 'agent.mjs'), 'status', ...data]
    const status = spawnSync(process.execPath, agent, { ...options, encoding: 'utf8' })
    assert.deepEqual([status.stdout, status.stderr, status.status], ['{"enrolled":false}\n', '', 3])
    mkdirSync(join(directory, 'data'), { mode: 0o700 })
    const lane = spawn(process.execPath, [join(directory, 'lane.mjs'), 'probe', ...data], options)
    const [stdout, stderr] = await Promise.all([text(lane.stdout), text(lane.stderr)])
    assert.match(stdout, /"facts":/)
    assert.equal(stderr, '')
  })

  test('opens terminals with the native part that lies beside it', (t) => {
    const directory = unpackedIn(t)
    const [part] =
      Object.entries(metafile.outputs).find(([, { entryPoint }]) => entryPoint?.endsWith('node-pty/index.js')) ?? []
    const script = `const { default: pty } = await import(process.argv[1]); const t = pty.spawn('tty', [], {});
      t.onData((data) => process.stdout.write(data)); t.onExit(() => process.exit(0))`
    const path = join(directory, part?.replace(/^out\//, '') ?? '')
    const ran = spawnSync(process.execPath, ['--input-type=module', '-e', script, path], { cwd: '/', encoding: 'utf8' })
    assert.match(ran.stdout, /^\/dev\/pts\/\d+/, ran.stderr)
  })

  test('says the version that it was released as', () => {
    assert.ok(files.some(({ content }) => content.includes('9.8.7')))
  })
})

describe('a release', () => {
  test('has the same bytes when built twice; a signature that is good is kept', async (t) => {
    const [one, two] = [join(scratch(t), 'one'), join(scratch(t), 'two')]
    const key = newReleaseKey()
    await smallRelease(one, { key })
    await smallRelease(two, { key })
    const bytes = (directory: string) =>
      readdirSync(directory)
        .sort()
        .filter((name) => name !== SIGNATURE_FILE)
        .map((name) => [name, sha256(readFileSync(join(directory, name)))])
    assert.deepEqual(bytes(one), bytes(two))
    assert.equal(bytes(one).length, 7)
    const before = readFileSync(join(one, SIGNATURE_FILE))
    await smallRelease(one, { key })
    assert.ok(before.equals(readFileSync(join(one, SIGNATURE_FILE))))
  })

  test('is what its manifest says, archive by archive and file by file', async (t) => {
    const out = scratch(t)
    const manifest = await smallRelease(out)
    for (const { kind, arch, file, sha256: hash, size, unpacked } of manifest.artifacts) {
      const content = readFileSync(join(out, file))
      assert.deepEqual([content.length, sha256(content)], [size, hash], file)
      if (kind === 'installer') continue
      const files = unpackTarGz(content)
      assert.equal(
        [...files.values()].reduce((sum, { length }) => sum + length, 0),
        unpacked,
      )
      const expected = manifest.contents.filter((entry) => entry.kind === kind && entry.arch === arch)
      assert.deepEqual(
        [...files].map(([path, bytes]) => [path, sha256(bytes)]).sort(),
        expected.map((entry) => [entry.path, entry.sha256]).sort(),
      )
    }
    const paths = manifest.contents.map(({ path }) => path)
    for (const path of ['agent.mjs', 'lane.mjs', 'pty.node', 'licenses.txt', 'node'])
      assert.ok(paths.includes(path), path)
    assert.ok(!paths.includes('install.sh'))
  })

  test('is verified by openssl alone', async (t) => {
    const out = scratch(t)
    await smallRelease(out)
    const verify = () =>
      spawnSync(
        'openssl',
        ['dgst', '-sha256', '-verify', RELEASE_KEY_FILE, '-signature', SIGNATURE_FILE, MANIFEST_FILE],
        {
          cwd: out,
          encoding: 'utf8',
        },
      )
    assert.deepEqual([verify().status, verify().stdout], [0, 'Verified OK\n'])
    writeFileSync(join(out, MANIFEST_FILE), readFileSync(join(out, MANIFEST_FILE), 'utf8').replace('1.2.3', '1.2.4'))
    assert.notEqual(verify().status, 0)
  })

  test('is signed with the key that is given, else with a development key that is made once', (t) => {
    const out = join(scratch(t), 'parent/out')
    const first = releaseKey(undefined, out)
    assert.equal(dirname(first.development ?? ''), dirname(out))
    assert.equal(statSync(first.development ?? '').mode & 0o777, 0o600)
    assert.ok(first.key.equals(releaseKey(undefined, out).key))
    const given = releaseKey(first.development, join(out, 'elsewhere/x'))
    assert.ok(given.key.equals(first.key))
    assert.equal(given.development, undefined)
  })
})
