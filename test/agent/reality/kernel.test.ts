import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nameMatcher } from '../../../agent/reality/host.ts'
import { parseMounts } from '../../../agent/reality/kernel/mounts.ts'
import {
  ownerOf,
  parseArguments,
  parseCpuMs,
  parsePasswd,
  parseStatus,
} from '../../../agent/reality/kernel/processes.ts'
import {
  parseAddress,
  parseInetSockets,
  parseSockstat,
  parseUnixSockets,
} from '../../../agent/reality/kernel/sockets.ts'
import { tcpLine } from './tree.ts'

const ID = '4f'.repeat(32)
const OWNERS: [cgroup: string, kind: string, name: string][] = [
  ['/system.slice/nginx.service', 'unit', 'nginx.service'],
  ['/system.slice/system-postgresql.slice/postgresql@15-main.service', 'unit', 'postgresql@15-main.service'],
  ['/system.slice/containerd.service', 'unit', 'containerd.service'],
  ['/user.slice/user-1000.slice/user@1000.service/app.slice/chat.service', 'user-unit', 'chat.service'],
  ['/user.slice/user-1000.slice/user@1000.service/init.scope', 'unit', 'user@1000.service'],
  ['/user.slice/user-0.slice/session-3.scope', 'session', 'session-3.scope'],
  [`/system.slice/docker-${ID}.scope`, 'container', '4f4f4f4f4f4f'],
  [`/docker/${ID}`, 'container', '4f4f4f4f4f4f'],
  [
    `/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${ID}.scope/container`,
    'container',
    '4f4f4f4f4f4f',
  ],
  [
    `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-${ID}.scope`,
    'container',
    '4f4f4f4f4f4f',
  ],
  [`/kubepods/besteffort/pod1/${ID}`, 'container', '4f4f4f4f4f4f'],
  ['/lxc.payload.web1/system.slice/nginx.service', 'machine', 'web1'],
  ['/machine.slice/systemd-nspawn@guest.service/payload', 'machine', 'guest'],
  ['/openrc.caddy', 'unit', 'caddy'],
  ['/init.scope', 'unit', 'init.scope'],
  ['/', 'none', ''],
]

describe('processes', () => {
  it('knows whose a cgroup is', () => {
    for (const [cgroup, kind, name] of OWNERS) assert.deepEqual(ownerOf(cgroup), { kind, name }, cgroup)
  })
  it('reads what the kernel says of one', () => {
    assert.equal(parseCpuMs('7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 1 0 6000 1 1'), 2_000)
    assert.deepEqual(parseStatus('Name:\tx\nUid:\t33\t33\t33\t33\nVmRSS:\t    2048 kB\nThreads:\t4\n'), {
      uid: 33,
      memory: 2_097_152,
      threads: 4,
    })
    assert.deepEqual(parseStatus('Name:\tkthreadd\n'), { uid: 0, memory: 0, threads: 0 })
    assert.deepEqual(parseArguments('node\0a b\0\0c\0'), ['node', 'a b', '', 'c'])
    assert.deepEqual(parseArguments('nginx: master process /usr/sbin/nginx\0\0\0'), [
      'nginx: master process /usr/sbin/nginx',
    ])
    assert.deepEqual(parseArguments(''), [])
  })
  it('takes the first account of a uid', () => {
    const users = parsePasswd('root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/r:/bin/sh\nbroken\n:x:x\n')
    assert.deepEqual([...users], [[0, { name: 'root', home: '/root' }]])
  })
})

describe('sockets', () => {
  it('writes addresses as people do', () => {
    const v6 = '0000000000000000FFFF00000100007F'
    assert.deepEqual(
      [
        '0100007F',
        '00000000',
        v6,
        '00000000000000000000000001000000',
        '00000000000000000000000000000000',
        'B80D01200000000000000000010000FF',
      ].map(parseAddress),
      ['127.0.0.1', '0.0.0.0', '127.0.0.1', '::1', '::', '2001:db8::ff00:1'],
    )
  })
  it('takes those that listen, and no port that a question came from', () => {
    const tcp = [
      '  sl  local_address rem_address   st',
      tcpLine(80, 11),
      tcpLine(3000, 12, '0100007F'),
      tcpLine(3000, 13).replace(' 0A ', ' 01 '),
    ].join('\n')
    assert.deepEqual(parseInetSockets(tcp, 'tcp', [32768, 60999]), [
      { protocol: 'tcp', address: '0.0.0.0', port: 80, inode: '11', uid: 0 },
      { protocol: 'tcp', address: '127.0.0.1', port: 3000, inode: '12', uid: 0 },
    ])
    const udp = [tcpLine(53, 21), tcpLine(40_000, 22)].join('\n').replaceAll(' 0A ', ' 07 ')
    assert.deepEqual(
      parseInetSockets(udp, 'udp', [32768, 60999]).map(({ port }) => port),
      [53],
    )
  })
  it('takes unix sockets that have a name and accept', () => {
    const text = [
      'Num       RefCount Protocol Flags    Type St Inode Path',
      'ffff8880: 00000002 00000000 00010000 0001 01 17001 /run/with blank.sock',
      'ffff8881: 00000002 00000000 00010000 0005 01 17002 @/tmp/dbus',
      'ffff8882: 00000003 00000000 00000000 0001 03 17003 /run/connected',
      'ffff8883: 00000002 00000000 00010000 0001 01 17004',
    ].join('\n')
    assert.deepEqual(
      parseUnixSockets(text).map(({ address, inode }) => [address, inode]),
      [
        ['/run/with blank.sock', '17001'],
        ['@/tmp/dbus', '17002'],
      ],
    )
  })
  it('counts', () => {
    const text = 'sockets: used 208\nTCP: inuse 19 orphan 1 tw 9 alloc 40 mem 2\nUDP: inuse 3 mem 0\n'
    assert.deepEqual(parseSockstat(text), { used: 208, tcp: 19, tcpTimeWait: 9, tcpOrphaned: 1, udp: 3 })
  })
})

describe('mounts', () => {
  it('reads mounts and fstab alike', () => {
    assert.deepEqual(
      parseMounts('/dev/sda1 /mnt/a\\040b ext4 ro,relatime 0 0\n# note\n\nUUID=1\t/\text4\tdefaults\n'),
      [
        { device: '/dev/sda1', path: '/mnt/a b', kind: 'ext4', options: ['ro', 'relatime'] },
        { device: 'UUID=1', path: '/', kind: 'ext4', options: ['defaults'] },
      ],
    )
  })
})

describe('patterns of names', () => {
  it('match as the shell does', () => {
    const cases: [string, string, boolean][] = [
      ['*.conf', 'a.conf', true],
      ['*.conf', '.conf', false],
      ['*.conf', 'a.conf~', false],
      ['a?c', 'abc', true],
      ['[0-9]*-x', '10-x', true],
      ['[!a]b', 'ab', false],
      ['*', '.hidden', false],
      ['a*b*c', 'a-b-b-c', true],
    ]
    for (const [pattern, name, fits] of cases) assert.equal(nameMatcher(pattern)(name), fits, `${pattern} ${name}`)
  })
})
