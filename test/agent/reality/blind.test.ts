// A host that may be looked at, but not into the processes of others: as the inspect lane sees it.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { MOST, Snapshot } from '#proto/contract/reality.ts'
import { fit } from '../../../agent/reality/fit.ts'
import { createHost } from '../../../agent/reality/host.ts'
import { readProcesses } from '../../../agent/reality/kernel/processes.ts'
import { parseSocketCgroups, readListeners } from '../../../agent/reality/kernel/sockets.ts'
import { readCertificates } from '../../../agent/reality/web/certificates.ts'
import { BOOT, makeTree, NOW, snapshotOf, type Tree, tcpLine } from './tree.ts'

const ANY = '00000000'
const SHOP = '/system.slice/shop.service'
const TREE: Tree = {
  processes: {
    1: { name: 'systemd', cgroup: '/init.scope' },
    70: { name: 'MainThread', argv: ['node', 'server.js'], cgroup: SHOP },
    80: {
      name: 'redis-server',
      argv: ['/usr/bin/redis-server 127.0.0.1:6379'],
      uid: 102,
      cgroup: '/system.slice/redis.service',
    },
    90: { name: 'one', uid: 103, cgroup: '/system.slice/one.service' },
    91: { name: 'two', uid: 103, cgroup: '/system.slice/two.service' },
  },
  files: {
    'usr/bin/node': '',
    'usr/bin/redis-server': '',
    'proc/net/tcp': ['', tcpLine(3000, 30), tcpLine(6379, 31, ANY, 102), tcpLine(9000, 32, ANY, 103)].join('\n'),
    'proc/self/mountinfo':
      '1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:25 /systemd/inaccessible/dir /etc/letsencrypt/archive ro,nosuid - tmpfs tmpfs rw\n',
  },
}

describe('without a look into the processes of others', () => {
  it('tells a program by its command line, as far as that goes', (t) => {
    const root = makeTree(t, TREE)
    const host = createHost({ root, runner: async () => ({ code: 1, stdout: '' }), now: NOW })
    const exes = readProcesses(host, { bootedAt: BOOT }).map(({ pid, exe }) => [pid, exe])
    assert.deepEqual(exes, [
      [1, ''],
      [70, '/usr/bin/node'],
      [80, '/usr/bin/redis-server'],
      [90, ''],
      [91, ''],
    ])
  })

  it('tells a socket by its cgroup, or by its user when one service alone is that', async (t) => {
    const root = makeTree(t, TREE)
    mkdirSync(join(root, 'sys/fs/cgroup', SHOP), { recursive: true })
    const bare = createHost({ root, runner: async () => ({ code: 1, stdout: '' }), now: NOW })
    const id = bare.stat(`/sys/fs/cgroup${SHOP}`)?.ino.toString(16)
    const stdout = `tcp LISTEN 0 511 0.0.0.0:3000 0.0.0.0:* ino:30 sk:62 cgroup:unreachable:${id} <->\n`
    const host = createHost({ root, runner: async () => ({ code: 0, stdout }), now: NOW })
    const held = await readListeners(host, readProcesses(host, { bootedAt: BOOT }))
    assert.deepEqual(
      held.map(({ port, holder, heldFrom }) => [port, holder?.owner.name, heldFrom]),
      [
        [3000, 'shop.service', 'ss -H -tulne --cgroup'],
        [6379, 'redis.service', 'the only service of user 102'],
        [9000, undefined, undefined],
      ],
    )
  })

  it('reads what ss says of cgroups, by number or by name', () => {
    const said =
      'tcp LISTEN 0 1 0.0.0.0:22 0.0.0.0:* ino:15 sk:1 cgroup:unreachable:1f <-> cgroup:unreachable:1\n' +
      'udp UNCONN 0 0 127.0.0.1:53 0.0.0.0:* uid:101 ino:16 sk:2 cgroup:/system.slice/dns.service <->\n'
    assert.deepEqual(
      [...parseSocketCgroups(said)],
      [
        ['15', '31'],
        ['16', '/system.slice/dns.service'],
      ],
    )
  })

  it('says what is hidden from it', async (t) => {
    const { gaps } = await snapshotOf(t, TREE)
    assert.ok(gaps.some(({ what, why }) => what === '/etc/letsencrypt/archive' && /not visible/.test(why)))
  })
})

it('a program in a hidden place is not said to be missing', async (t) => {
  const jobs = ['/etc/letsencrypt/archive/renew', '/opt/renew'].map((program) => `0 1 * * * root ${program}`).join('\n')
  const cron = { name: 'cron', cgroup: '/system.slice/cron.service' }
  const { schedules } = await snapshotOf(t, {
    processes: { ...TREE.processes, 60: cron },
    files: { ...TREE.files, 'etc/passwd': 'root:x:0:0::/root:/bin/sh\n', 'etc/cron.d/jobs': `${jobs}\n` },
  })
  assert.deepEqual(
    schedules.map(({ health }) => health.state),
    ['unknown', 'failed'],
  )
})

it('jobs that leave their work to systemd need no cron', async (t) => {
  const { schedules } = await snapshotOf(t, {
    files: {
      'run/systemd/system/x': '',
      'etc/cron.d/theirs': '0 1 * * * root test -e /run/systemd/system || /sbin/scrub\n',
      'etc/cron.daily/apt': '#!/bin/sh\nif [ -d /run/systemd/system ]; then exit 0; fi\n',
      'etc/cron.d/ours': '0 1 * * * root /opt/backup\n',
    },
  })
  const states = schedules.map(({ name, health }) => [name, health.state])
  assert.deepEqual(states.sort(), [
    ['/etc/cron.d/ours:1', 'stopped'],
    ['/etc/cron.d/theirs:1', 'ok'],
    ['/etc/cron.daily/apt', 'ok'],
  ])
})

it('a certificate in a hidden place is not said to be missing', (t) => {
  const host = createHost({ root: makeTree(t, TREE), runner: async () => ({ code: 1, stdout: '' }), now: NOW })
  const used = ['/etc/letsencrypt/archive/a.pem', '/etc/letsencrypt/b.pem'].map((path) => ({ path, names: [] }))
  assert.deepEqual(
    readCertificates(host, used).map(({ health }) => health.state),
    ['unknown', 'failed'],
  )
})

describe('a snapshot that is too large', () => {
  it('loses the end of its longest lists, and counts that', async (t) => {
    const snapshot = await snapshotOf(t, TREE)
    const change = { kind: 'config' as const, subject: 'x'.repeat(400), at: 1, source: 'y' }
    const changes = Array.from({ length: MOST.changes }, () => change)
    const fitted = fit({ ...snapshot, changes }, 30_000)
    assert.ok(JSON.stringify(Snapshot.parse(fitted)).length <= 30_000)
    assert.equal(fitted.changes.length + (fitted.omitted.changes ?? 0), MOST.changes)
    assert.deepEqual(fitted.listeners, snapshot.listeners)
  })
  it('loses the versions of packages at last', async (t) => {
    const snapshot = await snapshotOf(t, TREE)
    const fitted = fit(snapshot, 1)
    assert.deepEqual(fitted.packages.installed, {})
    assert.ok(fitted.gaps.some(({ what }) => what === 'versions of packages'))
  })
})
