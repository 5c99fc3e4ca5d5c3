// Attacks on the reading and writing of files, at the rooms that do it, over a directory that stands in for a host's root.
// Each case states what must hold, whatever the way in.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { compareTrees } from '../../agent/reading/compare.ts'
import { diffFiles } from '../../agent/reading/diff.ts'
import { openFile, type ReadRing } from '../../agent/reading/reach.ts'
import { readFile } from '../../agent/reading/read.ts'
import { searchFiles } from '../../agent/reading/search.ts'
import { removeFile, undoChange, writeFile } from '../../agent/writing/write.ts'
import { type FixtureRoot, fixtureRoot, refusal } from '../helpers/fixture-root.ts'

const SECRET = 'root:$6$the-hash-of-root'
const isRoot = process.getuid?.() === 0

function host(t: TestContext, files?: unknown) {
  const root = fixtureRoot(t, files)
  root.put('/etc/shadow', SECRET, 0o600)
  root.put('/root/.ssh/id_rsa', SECRET, 0o600)
  root.put('/var/log/app.log', 'ordinary\n')
  const reach = root.reach(['/etc/shadow', '/root/.ssh'])
  const writing = { ...reach, hostKey: Buffer.alloc(32, 1), preimages: root.at('/state/undo') }
  return { ...root, reach, writing }
}
type Host = ReturnType<typeof host>

const read = (on: Host, path: string, ring: ReadRing = 'privileged') =>
  readFile(on.reach, { path, ring, wanted: { kind: 'page' } })
const search = (on: Host, needle: string, root = '/var/log', names?: string) =>
  searchFiles(on.reach, { root, needle, ring: 'privileged', names })
/** All doors to a content, at one path. */
async function allRefused(on: Host, path: string, why = refusal('POLICY_DENIED')): Promise<void> {
  await assert.rejects(read(on, path), why, `read ${path}`)
  await assert.rejects(search(on, 'root', path), why, `search ${path}`)
  await assert.rejects(
    diffFiles(on.reach, { from: '/var/log/app.log', to: path, ring: 'privileged' }),
    why,
    `diff ${path}`,
  )
  assert.throws(
    () => compareTrees(on.reach, { source: '/var/log', dist: path, ring: 'privileged' }),
    why,
    `compare ${path}`,
  )
  const expected = undefined
  assert.throws(() => writeFile(on.writing, { path, content: Buffer.from('x'), expected }), why, `write ${path}`)
  assert.throws(() => removeFile(on.writing, { path, expected: '' }), why, `remove ${path}`)
}

describe('a way around the allowlist', () => {
  test('a link as leaf or parent, relative or absolute, in a chain or in a circle, reaches nothing more', async (t) => {
    const on = host(t)
    const links: Record<string, string> = {
      leaf: '/etc/shadow',
      relative: '../../etc/shadow',
      parent: '/etc',
      home: '../../root/.ssh',
      far: '../../../../../../../../etc/shadow',
      chain: 'leaf',
      'circle-a': 'circle-b',
      'circle-b': 'circle-a',
      'to-proc': '/proc/self/root',
    }
    for (const [name, target] of Object.entries(links)) symlinkSync(target, on.at(`/var/log/${name}`))
    for (const path of ['leaf', 'relative', 'parent/shadow', 'home/id_rsa', 'far', 'chain', 'circle-a'])
      await allRefused(on, `/var/log/${path}`)
    assert.equal((await search(on, 'root')).hits.length, 0)
    assert.equal(readFileSync(on.at('/etc/shadow'), 'utf8'), SECRET)
  })
  test('dots, doubled slashes and neighbours with the same beginning are not within', async (t) => {
    const on = host(t)
    on.put('/var/log-evil/a', SECRET)
    on.put('/var/log.conf', SECRET)
    await allRefused(on, '/var/log-evil/a')
    await allRefused(on, '/var/log.conf')
    for (const path of [
      '/var/log/../../etc/shadow',
      '/var/log/..',
      'var/log/app.log',
      '',
      '/var/log/app.log\0.txt',
      `/${'a'.repeat(5000)}`,
    ])
      await allRefused(on, path, refusal('VALIDATION_ERROR'))
    const odd = await read(on, '//var///log/./app.log')
    assert.equal(odd.path, '/var/log/app.log')
  })
  test('a hard link that another account could have made is not read, searched or written', {
    skip: !isRoot,
  }, async (t) => {
    const on = host(t)
    on.put('/srv/app/x', 'x')
    chownSync(on.at('/srv/app'), 1234, 1234)
    on.put('/opt/private/key', SECRET, 0o600)
    linkSync(on.at('/opt/private/key'), on.at('/srv/app/link'))
    linkSync(on.at('/etc/shadow'), on.at('/var/log/shadow'))
    await assert.rejects(read(on, '/srv/app/link'), refusal('POLICY_DENIED', 'hard_link'))
    await assert.rejects(read(on, '/var/log/shadow'), refusal('POLICY_DENIED', 'another_name_of_a_secret'))
    assert.equal((await search(on, 'root', '/srv')).hits.length, 0)
    assert.equal((await search(on, 'root')).hits.length, 0)
    chownSync(on.at('/srv/app'), 0, 0)
    chmodSync(on.at('/srv/app'), 0o777)
    await assert.rejects(read(on, '/srv/app/link'), refusal('POLICY_DENIED', 'hard_link'))
    for (const path of ['/srv/app/link', '/var/log/shadow'])
      assert.throws(
        () => writeFile(on.writing, { path, content: Buffer.from('x'), expected: '' }),
        refusal('POLICY_DENIED'),
      )
    assert.equal(readFileSync(on.at('/etc/shadow'), 'utf8'), SECRET)
  })
  test('a bind mount of a secret, or of the kernel’s own file systems, has no other name', {
    skip: !isRoot,
  }, async (t) => {
    const on = host(t)
    const mounts: [string, string][] = [
      [on.at('/root/.ssh'), '/var/log/mounted'],
      [on.at('/etc/shadow'), '/var/log/file'],
      ['/proc', '/var/log/kernel'],
      ['/proc/version', '/var/log/version'],
      ['/sys', '/var/log/sys'],
    ]
    for (const [, to] of mounts) {
      if (to === '/var/log/file' || to === '/var/log/version') on.put(to, '')
      else mkdirSync(on.at(to), { recursive: true })
    }
    try {
      for (const [from, to] of mounts)
        if (spawnSync('mount', ['--bind', from, on.at(to)]).status !== 0) return t.skip('cannot mount here')
      await allRefused(on, '/var/log/mounted/id_rsa', refusal('POLICY_DENIED', 'another_name_of_a_secret'))
      await allRefused(on, '/var/log/file', refusal('POLICY_DENIED'))
      for (const path of [
        '/var/log/kernel/self/environ',
        '/var/log/kernel/self/root/etc/shadow',
        '/var/log/kernel/self/fd/0',
        '/var/log/version',
        '/var/log/sys/kernel/notes',
      ])
        await allRefused(on, path, refusal('POLICY_DENIED'))
      const found = await search(on, 'root')
      assert.deepEqual([found.hits.length, found.files], [0, 1])
    } finally {
      // before anything below is removed
      for (const [, to] of mounts) spawnSync('umount', ['-l', on.at(to)])
    }
  })
  test('proc, sys and dev are reached by no name of the real host, whatever the rules say', async (t) => {
    const on = host(t, { read: ['/**'], privileged: ['/**'], managed: ['/**'] })
    const real = { ...on, reach: { ...on.reach, root: '/' }, writing: { ...on.writing, root: '/' } }
    const paths = [
      '/proc/self/environ',
      '/proc/1/environ',
      '/proc/self/root/etc/hostname',
      '/proc/self/fd/0',
      '/proc/thread-self/root/etc/hostname',
      '/sys/kernel/notes',
      '/dev/fd/0',
      '/dev/stdin',
      '/dev/null',
      '/dev/zero',
      '/etc/mtab',
    ]
    for (const path of paths) {
      await assert.rejects(read(real, path), refusal('POLICY_DENIED'), path)
      await assert.rejects(search(real, 'root', path), refusal('POLICY_DENIED'), path)
      assert.throws(
        () => writeFile(real.writing, { path, content: Buffer.from('x'), expected: '' }),
        refusal('POLICY_DENIED'),
        path,
      )
    }
  })
  test('a refusal does not say what is there', async (t) => {
    const on = host(t)
    const why = async (path: string) =>
      read(on, path).then(
        () => 'read',
        (error: { details: unknown }) => JSON.stringify(error.details),
      )
    const [present, absent] = [await why('/root/present'), await why('/root/absent')]
    on.put('/root/present', 'x')
    assert.equal(await why('/root/present'), present)
    assert.equal(present.replace('present', ''), absent.replace('absent', ''))
    assert.equal((await why('/root/none/deeper')).replace('none/deeper', ''), absent.replace('absent', ''))
    symlinkSync('/root/present', on.at('/var/log/to-present'))
    symlinkSync('/root/absent', on.at('/var/log/to-absent'))
    assert.equal(
      (await why('/var/log/to-present')).replace('to-present', ''),
      (await why('/var/log/to-absent')).replace('to-absent', ''),
    )
  })
})

/** Swaps two entries as fast as it can, in a thread of its own, until it is told to stop. */
function swapping(t: TestContext, code: string, data: object): () => Promise<unknown> {
  const worker = new Worker(
    `const { workerData: at } = require('node:worker_threads'); const fs = require('node:fs'); for (;;) { try { ${code} } catch {} }`,
    { eval: true, workerData: data },
  )
  t.after(() => worker.terminate())
  return () => worker.terminate() // before its directory is removed
}
const ROUNDS = 1500

describe('a swap between check and use', () => {
  test('of the file for a link, and of a directory above for another: no byte of the secret is read', async (t) => {
    const on = host(t)
    on.put('/srv/a/b/file', 'harmless')
    on.put('/etc/b/file', SECRET)
    on.put('/srv/x', 'harmless')
    const stop = swapping(
      t,
      'fs.renameSync(at.a, at.c); fs.symlinkSync(at.etc, at.a); fs.unlinkSync(at.a); fs.renameSync(at.c, at.a); fs.unlinkSync(at.x); fs.symlinkSync(at.shadow, at.x); fs.unlinkSync(at.x); fs.writeFileSync(at.x, "harmless")',
      {
        a: on.at('/srv/a'),
        c: on.at('/srv/c'),
        etc: on.at('/etc'),
        x: on.at('/srv/x'),
        shadow: on.at('/etc/shadow'),
      },
    )
    const seen = { read: 0, refused: 0 }
    for (let round = 0; round < ROUNDS; round++) {
      try {
        const file = openFile(on.reach, round % 2 ? '/srv/a/b/file' : '/srv/x', 'privileged')
        const text = readFileSync(file.fd, 'utf8')
        file.close()
        assert.ok(!text.includes('root:'), 'the secret was read')
        seen.read++
      } catch (error) {
        assert.ok(refusal('POLICY_DENIED')(error) || refusal('NOT_FOUND')(error), String(error))
        seen.refused++
      }
      if (round % 100 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await stop()
    assert.ok(seen.read > 0 && seen.refused > 0, JSON.stringify(seen))
  })
  test('of a directory while it is written to: nothing is written outside', async (t) => {
    const on = host(t)
    on.put('/srv/a/file', 'before')
    on.put('/etc/cron.d/file', 'before')
    const stop = swapping(
      t,
      'fs.renameSync(at.a, at.c); fs.symlinkSync(at.cron, at.a); fs.unlinkSync(at.a); fs.renameSync(at.c, at.a)',
      {
        a: on.at('/srv/a'),
        c: on.at('/srv/c'),
        cron: on.at('/etc/cron.d'),
      },
    )
    let written = 0
    for (let round = 0; round < ROUNDS / 10; round++) {
      try {
        writeFile(on.writing, { path: `/srv/a/new${round}`, content: Buffer.from('ours'), expected: undefined })
        written++
      } catch (error) {
        assert.ok(refusal('POLICY_DENIED')(error) || refusal('NOT_FOUND')(error), String(error))
      }
    }
    await stop()
    assert.ok(written > 0)
    assert.deepEqual(readdirSync(on.at('/etc/cron.d')), ['file'])
  })
})

describe('what is no ordinary file', () => {
  test('FIFOs, sockets, devices and directories are refused, and nothing waits for them', async (t) => {
    const on = host(t)
    assert.equal(spawnSync('mkfifo', [on.at('/var/log/fifo')]).status, 0)
    const server = createServer().listen(on.at('/var/log/socket'))
    t.after(() => server.close())
    await new Promise((resolve) => server.once('listening', resolve))
    if (isRoot) spawnSync('mknod', [on.at('/var/log/zero'), 'c', '1', '5'])
    for (const name of ['fifo', 'socket', ...(isRoot ? ['zero'] : [])]) {
      await assert.rejects(read(on, `/var/log/${name}`), refusal('POLICY_DENIED', 'not_a_file'))
      assert.throws(
        () => writeFile(on.writing, { path: `/var/log/${name}`, content: Buffer.from(''), expected: '' }),
        refusal('POLICY_DENIED', 'not_a_file'),
      )
    }
    await assert.rejects(read(on, '/var/log'), refusal('POLICY_DENIED', 'not_a_file'))
    const found = await search(on, 'ordinary')
    assert.deepEqual([found.hits.length, found.files], [1, 1])
  })
  test('a file that vanishes, in a tree that changes all the time, ends nothing', async (t) => {
    const on = host(t)
    for (let n = 0; n < 200; n++) on.put(`/var/log/d/${n}`, 'needle\n')
    const stop = swapping(
      t,
      'for (let n = 0; n < 200; n += 3) { fs.rmSync(at.d + n, { force: true }); fs.writeFileSync(at.d + n, "needle\\n") }',
      { d: `${on.at('/var/log/d')}/` },
    )
    for (let round = 0; round < 4; round++) {
      const found = await search(on, 'needle', '/var/log')
      assert.ok(found.hits.length >= 130)
    }
    await stop()
  })
})

describe('the search as an oracle', () => {
  const PASSWORD = 'Tr0ub4dor9xKq'
  const secrets = (on: Pick<FixtureRoot, 'put'>): void => {
    on.put(
      '/srv/.env',
      `DB_PASSWORD=${PASSWORD}\nGITHUB_TOKEN=ghp_${'a1B2c3D4e5F6'.repeat(3)}\nurl=postgres://app:${PASSWORD}@db/x\n`,
    )
  }
  test('a guess at a secret, whole or in part, looks like any wrong guess', async (t) => {
    const on = host(t)
    secrets(on)
    const about = async (needle: string) => JSON.stringify(await search(on, needle, '/srv'))
    const wrong = await about('nowhere-to-be-found')
    for (const guess of [
      PASSWORD,
      'T',
      'Tr',
      'Tr0ub',
      `PASSWORD=${PASSWORD[0]}`,
      `DB_PASSWORD=${PASSWORD.slice(0, 5)}`,
      'ghp_a1B2',
      `app:${PASSWORD[0]}`,
      '9xKq@db',
    ].filter((text) => text.length > 1))
      assert.equal(await about(guess), wrong, guess)
    const found = await search(on, 'DB_PASSWORD=', '/srv')
    assert.equal(found.hits.length, 1)
    assert.ok(!found.hits[0]?.text.includes(PASSWORD))
  })
  test('a private key is no text to search, near its beginning or far into it', async (t) => {
    const on = host(t)
    const rows = Array.from({ length: 3000 }, (_, n) => `MIIE${String(n).padStart(5, '0')}${'q7Zx'.repeat(13)}`)
    on.put(
      '/srv/key.txt',
      `${'log line\n'.repeat(200_000)}-----BEGIN PRIVATE KEY-----\n${rows.join('\n')}\n-----END PRIVATE KEY-----\nafter MIIE00450\n`,
    )
    for (const needle of ['MIIE00000', 'MIIE00899', 'MIIE02999', 'q7Zxq7Zx'])
      assert.equal((await search(on, needle, '/srv')).hits.length, 0, needle)
    assert.equal((await search(on, 'MIIE00450', '/srv')).hits.length, 1, 'what stands outside of it is found')
  })
  test('a pattern for names is no question about a name that holds a secret', async (t) => {
    const on = host(t)
    const token = `ghp_${'Z9y8X7w6V5u4'.repeat(3)}`
    on.put(`/srv/${token}`, 'needle\n')
    const { hits } = await search(on, 'needle', '/srv')
    assert.ok(hits.length === 1 && !hits[0]?.path.includes('Z9y8'))
    for (const names of [`${token.slice(0, 6)}*`, token, `*${token.at(-1)}`])
      assert.equal((await search(on, 'needle', '/srv', names)).hits.length, 0, names)
  })
  test('a glob or a needle made to be slow is not', async (t) => {
    const on = host(t)
    on.put(`/srv/${'a'.repeat(200)}`, 'a'.repeat(900_000))
    assert.equal((await search(on, `${'a'.repeat(200)}b`, '/srv', `${'*a'.repeat(60)}b`)).hits.length, 0)
    assert.equal((await search(on, `${'a'.repeat(255)}b`, '/srv')).hits.length, 0)
  })
})

describe('a foothold by writing', () => {
  test('points of persistence, our own files and secrets are not written, deleted or undone into', async (t) => {
    const on = host(t, { managed: ['/**'] })
    for (const path of [
      '/etc/cron.d/x',
      '/etc/systemd/system/x.service',
      '/etc/sudoers.d/x',
      '/etc/ld.so.preload',
      '/root/.ssh/authorized_keys',
      '/root/.bashrc',
      '/etc/mttrly/policy.yaml',
      '/var/lib/mttrly-act/trust.json',
      '/opt/mttrly/current/agent.mjs',
      '/etc/profile.d/x.sh',
      '/usr/local/bin/x',
      '/srv/app/.git/hooks/pre-commit',
      '/etc/shadow',
    ]) {
      on.put(path, 'as it was')
      assert.throws(
        () => writeFile(on.writing, { path, content: Buffer.from('x'), expected: '' }),
        refusal('POLICY_DENIED'),
        path,
      )
      assert.throws(() => removeFile(on.writing, { path, expected: '' }), refusal('POLICY_DENIED'), path)
      assert.equal(readFileSync(on.at(path), 'utf8'), 'as it was')
    }
    on.put('/srv/app/x', 'x')
    symlinkSync('/etc/cron.d', on.at('/srv/app/cron'))
    for (const path of ['/srv/app/cron/x', '/srv/app/cron/new'])
      assert.throws(
        () => writeFile(on.writing, { path, content: Buffer.from('x'), expected: undefined }),
        refusal('POLICY_DENIED', 'persistence_point'),
      )
    const { undo = '' } = writeFile(on.writing, {
      path: '/srv/app/new',
      content: Buffer.from('x'),
      expected: undefined,
    })
    unlinkSync(on.at('/srv/app/new'))
    symlinkSync('/etc/cron.d/x', on.at('/srv/app/new'))
    assert.throws(() => undoChange(on.writing, undo), refusal('POLICY_DENIED'))
    renameSync(on.at('/srv/app'), on.at('/srv/moved'))
    symlinkSync('/etc/cron.d', on.at('/srv/app'))
    assert.throws(() => undoChange(on.writing, undo), refusal('POLICY_DENIED'))
    rmSync(on.at('/srv/app'))
    writeFileSync(on.at('/srv/app'), '')
    assert.throws(() => undoChange(on.writing, undo), refusal('NOT_FOUND'))
  })
})
