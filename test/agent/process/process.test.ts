import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { accountEnvironment, findAccount, parsePasswd, runAs } from '../../../agent/process/accounts.ts'
import { weakness } from '../../../agent/process/isolation.ts'
import { findTree } from '../../../agent/process/kill.ts'
import { identify, type ProcessEntry, parseStat, stillRuns } from '../../../agent/process/process-table.ts'
import { maskArguments, sandboxUid } from '../../../agent/process/sandbox.ts'
import { seccompFilter } from '../../../agent/process/seccomp.ts'

describe('the process table', () => {
  it('reads a command that holds what closes it', () => {
    const fields = `4711 (a) S (b) R 1 4711 4710 0 -1 ${'0 '.repeat(13)}987 rest`
    assert.deepEqual(parseStat(fields), {
      pid: 4711,
      command: 'a) S (b',
      state: 'R',
      parent: 1,
      group: 4711,
      session: 4710,
      startTime: 987,
    })
    assert.equal(parseStat(''), undefined)
  })
  it('knows one process from another that got its number', () => {
    const own = identify(process.pid)
    assert.equal(stillRuns(own), true)
    assert.equal(stillRuns({ ...own, startTime: own.startTime + 1 }), false)
    assert.equal(stillRuns({ ...own, bootId: 'another boot' }), false)
  })
})

describe('the tree of a run', () => {
  const entry = (pid: number, parent: number, session: number): ProcessEntry => ({
    pid,
    parent,
    session,
    group: session,
    command: 'x',
    state: 'S',
    startTime: pid,
  })
  const table = [
    entry(1, 0, 1),
    entry(process.pid, 1, 50),
    entry(60, process.pid, 50), // ours, and no part of it
    entry(100, process.pid, 100), // the run
    entry(101, 100, 100),
    entry(102, 1, 100), // its parent has gone
    entry(103, 1, 103), // a session of its own, found by the marker
    entry(104, 103, 103),
    entry(105, 1, 104), // hidden from all
  ]
  const marked = (pid: number): boolean => pid === 103 || pid === process.pid
  it('is found by descent, session and marker', () => {
    assert.deepEqual(
      findTree(100, 'run', new Set(), table, marked).map(({ pid }) => pid),
      [100, 101, 102, 103, 104],
    )
  })
  it('is found by the marker alone when its root is gone', () => {
    assert.deepEqual(
      findTree(undefined, 'run', new Set(), table, marked).map(({ pid }) => pid),
      [103, 104],
    )
  })
})

describe('accounts', () => {
  const accounts = parsePasswd('root:x:0:0:root:/root:/bin/bash\napp:x:1001:1002::/srv/app:\nbroken\n\n')
  it('are found by name, or are our own', () => {
    assert.equal(findAccount(accounts, '', 0)?.name, 'root')
    assert.equal(findAccount(accounts, 'app', 0)?.gid, 1002)
    assert.equal(findAccount(accounts, 'none', 0), undefined)
    assert.deepEqual(Object.keys(accountEnvironment(accounts[0] as never)), [
      'PATH',
      'LANG',
      'HOME',
      'USER',
      'LOGNAME',
      'SHELL',
    ])
  })
  it('are taken on by root only', () => {
    const app = accounts[1] as never
    assert.deepEqual(runAs(['a'], app, 1001), ['a'])
    assert.equal(runAs(['a'], app, 1003), undefined)
    assert.ok(runAs(['a'], app, 0)?.includes('--reuid=1001'))
  })
})

describe('the sandbox', () => {
  const host = { arch: 'x64', pid: 77, uidMap: '         0          0 4294967295\n' }
  it('has a uid of its own where it can', () => {
    assert.equal(sandboxUid({ ...host, uid: 0 }), 1_900_000_077)
    assert.equal(sandboxUid({ ...host, uid: 0, uidMap: '0 100000 65536\n' }), 65_534)
    assert.equal(sandboxUid({ ...host, uid: 1000 }), undefined)
  })
  it('hides what is there, through links, the outermost only', () => {
    const root = mkdtempSync(join(tmpdir(), 'mttrly-mask-'))
    try {
      mkdirSync(join(root, 'a', 'b'), { recursive: true })
      writeFileSync(join(root, 'file'), '')
      symlinkSync(join(root, 'a'), join(root, 'link'))
      const hidden = [...['a/b', 'link', 'a', 'file', 'missing'].map((name) => join(root, name)), '/dev/zero']
      const [a, file] = [join(root, 'a'), join(root, 'file')]
      assert.deepEqual(maskArguments(hidden, false), ['--tmpfs', a, '--remount-ro', a, '--ro-bind', '/dev/null', file])
    } finally {
      rmSync(root, { recursive: true, force: true })
    }
  })
  it('has a filter for the architectures it names, whole instructions, jumps that stay inside', () => {
    for (const arch of ['x64', 'arm64']) {
      const filter = seccompFilter(arch)
      assert.ok(filter && filter.length % 8 === 0)
      const count = filter.length / 8
      for (let index = 0; index < count; index += 1) {
        const isJump = (filter.readUInt16LE(index * 8) & 7) === 5
        const furthest = index + 1 + Math.max(filter.readUInt8(index * 8 + 2), filter.readUInt8(index * 8 + 3))
        assert.ok(!isJump || furthest < count)
      }
      assert.equal(filter.readUInt16LE((count - 1) * 8), 6, 'it ends in a verdict')
    }
    assert.equal(seccompFilter('riscv64'), undefined)
  })
  it('is claimed only when everything held', () => {
    const held = {
      token: 't',
      wrote: false,
      read: false,
      connected: [],
      signalled: false,
      status: 'Uid:\t9\t9\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\n',
    }
    assert.equal(weakness(held), undefined)
    const broken = [
      undefined,
      { ...held, wrote: true },
      { ...held, read: true },
      { ...held, connected: ['tcp'] },
      { ...held, signalled: true },
      { ...held, status: held.status.replace('0000000000000000', '0000000000000400') },
      { ...held, status: held.status.replace('NoNewPrivs:\t1', 'NoNewPrivs:\t0') },
      { ...held, status: held.status.replace('Uid:\t9', 'Uid:\t0') },
      { ...held, status: '' },
    ]
    for (const report of broken) assert.equal(typeof weakness(report), 'string')
    assert.equal(weakness({ ...held, connected: ['tcp'] }, 'sockets'), undefined)
  })
})
