// The checks about the machine on hosts made of files: what is there is found, and what only looks like it is not.
import assert from 'node:assert/strict'
import { utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { cgroupLimit } from '../../../agent/diagnosis/checks/cgroup-limit.ts'
import { clockWrong } from '../../../agent/diagnosis/checks/clock-wrong.ts'
import { connectionExhaustion } from '../../../agent/diagnosis/checks/connection-exhaustion.ts'
import { conntrackFull } from '../../../agent/diagnosis/checks/conntrack-full.ts'
import { diskFull } from '../../../agent/diagnosis/checks/disk-full.ts'
import { dnsFailure } from '../../../agent/diagnosis/checks/dns-failure.ts'
import { fdExhaustion } from '../../../agent/diagnosis/checks/fd-exhaustion.ts'
import { fileSystemReadOnly } from '../../../agent/diagnosis/checks/file-system-read-only.ts'
import { firewallDrop } from '../../../agent/diagnosis/checks/firewall-drop.ts'
import { hardwareError } from '../../../agent/diagnosis/checks/hardware-error.ts'
import { kernelFault } from '../../../agent/diagnosis/checks/kernel-fault.ts'
import { logFlood } from '../../../agent/diagnosis/checks/log-flood.ts'
import { memoryPressure } from '../../../agent/diagnosis/checks/memory-pressure.ts'
import { networkDown } from '../../../agent/diagnosis/checks/network-down.ts'
import { killsIn, oomKill } from '../../../agent/diagnosis/checks/oom-kill.ts'
import { supervised } from '../../../agent/diagnosis/checks/supervised.ts'
import { whatDenies } from '../../../agent/diagnosis/rules.ts'
import { listener } from '../../helpers/reality.ts'
import { tcpLine } from '../reality/tree.ts'
import { brief, factsOf, find, kernelLine, line, NOW, type Said } from './host.ts'

const MIB = 1024 ** 2
const GIB = 1024 ** 3
const health = { state: 'ok' as const, why: '', evidence: { source: '', at: NOW } }
const mount = (over: object) => ({
  path: '/srv',
  device: '/dev/sdb',
  kind: 'overlay',
  readOnly: false,
  total: 10 * GIB,
  available: 5 * GIB,
  inodes: 1000,
  inodesFree: 900,
  health,
  ...over,
})
const mounts = (over: object): Said => ({ reality: { mounts: [mount(over)] } })
const group = (name: string, cgroup: string, over: object = {}) => ({
  owner: { kind: 'unit' as const, name },
  cgroup,
  count: 1,
  memory: 100 * MIB,
  cpuMs: 1,
  processes: [],
  ...over,
})

describe('disks', () => {
  test('one that is full says what fills it, the deepest place that tells', async (t) => {
    const files = {
      'srv/log/app/old.log': Buffer.alloc(3 * MIB),
      'srv/log/app/new.log': Buffer.alloc(MIB),
      'srv/etc/x': 'x',
    }
    const [full, ...rest] = await find(t, diskFull, {
      ...mounts({ available: 0 }),
      files,
      recent: [line('write: No space left on device')],
    })
    assert.ok(full)
    assert.deepEqual([brief([full]), rest], [['critical DISK_FULL /srv'], []])
    assert.match(full.title, /most is in \/srv\/log\/app\/old\.log/)
    assert.match(JSON.stringify(full.evidence), /\/srv\/log\/app 4\.0 MiB.*No space left/)
  })

  test('what lies nowhere is held by somebody', async (t) => {
    // The file system of the test itself: much more is used there than lies below this root.
    const found = await find(t, diskFull, {
      ...mounts({ kind: 'ext4', total: MIB, available: 0 }),
      files: { 'srv/x': 'x' },
    })
    assert.deepEqual(brief(found), ['critical DELETED_FILES_HELD /srv', 'critical DISK_FULL /srv'])
  })

  test('a share is judged with what is left: much room on a large disk is room', async (t) => {
    assert.deepEqual(brief(await find(t, diskFull, mounts({ total: 4_000 * GIB, available: 200 * GIB }))), [
      'low DISK_FULL /srv',
    ])
    assert.deepEqual(await find(t, diskFull, mounts({ available: 3 * GIB })), [])
    assert.deepEqual(await find(t, diskFull, mounts({ readOnly: true, available: 0 })), [])
    const explained = async (over: object) =>
      (await find(t, diskFull, mounts({ path: '/var', total: 100 * GIB, ...over }))).flatMap(({ explains }) => explains)
    assert.deepEqual(await explained({ available: 8 * GIB }), [])
    assert.deepEqual(await explained({ available: 0 }), ['PACKAGE_MANAGER_STUCK'])
  })

  test('without inodes it is full, too, and the place with the most names is said', async (t) => {
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`srv/spool/in/${i}`, '']))
    const found = await find(t, diskFull, { ...mounts({ inodesFree: 0 }), files: { ...many, 'srv/a': '' } })
    assert.deepEqual(brief(found), ['critical INODES_FULL /srv'])
    assert.match(found[0]?.title ?? '', /most is in \/srv\/spool\/in/)
  })

  test('read-only against all that is configured is found; by design, by fstab or as a bind mount it is not', async (t) => {
    const info = (own: string, superblock: string, path = '/srv') =>
      `30 1 8:1 / ${path} ${own},relatime - ext4 /dev/sdb ${superblock}\n`
    const read = (text: string, fstab = '') =>
      find(t, fileSystemReadOnly, {
        files: { 'proc/1/mountinfo': text, 'etc/fstab': fstab },
        kernel: [kernelLine('EXT4-fs (sdb): Remounting filesystem read-only')],
      })
    assert.deepEqual(brief(await read(info('ro', 'ro'))), ['critical FILE_SYSTEM_READ_ONLY /srv'])
    assert.deepEqual(await read(info('ro', 'ro'), '/dev/sdb /srv ext4 ro,noatime 0 0\n'), [])
    assert.deepEqual(await read(info('ro', 'rw')), [])
    assert.deepEqual(await read(info('ro', 'ro', '/usr')), [])
    assert.deepEqual(await read(info('rw', 'rw')), [])
  })

  test('what a program has mounted read-only is low, until somebody wants to write there', async (t) => {
    const mounted = (kind: string) => `30 1 8:1 / /srv ro,relatime - ${kind} /dev/sdb ro\n`
    const read = (kind: string, fstab = '', recent: Said['recent'] = []) =>
      find(t, fileSystemReadOnly, { files: { 'proc/1/mountinfo': mounted(kind), 'etc/fstab': fstab }, recent })
    const high = ['high FILE_SYSTEM_READ_ONLY /srv']
    assert.deepEqual(brief(await read('ext4')), ['low FILE_SYSTEM_READ_ONLY /srv'])
    assert.deepEqual(brief(await read('ext4', '/dev/sdb /srv ext4 defaults 0 2\n')), high)
    const elsewhere = [line('/var/x: Read-only file system')]
    const there = [line('/srv/x: Read-only file system')]
    assert.deepEqual(brief(await read('ext4', '', elsewhere)), ['low FILE_SYSTEM_READ_ONLY /srv'])
    assert.deepEqual(brief(await read('ext4', '', there)), high)
    assert.deepEqual(await read('nfs4'), [])
    assert.deepEqual(brief(await read('nfs4', '', there)), high)
  })
})

test('a unit of an account that came back is none that failed, though older systemd says its description alone', async (t) => {
  const say = (text: string, userUnit: string) =>
    line(text, { unit: 'user@1000.service', identifier: 'systemd', userUnit })
  const failed = say("sync.service: Failed with result 'exit-code'.", 'sync.service')
  const back = (of: string) => find(t, supervised, { recent: [failed, say('Started Sync of files.', of)] })
  assert.deepEqual(await back('sync.service'), [])
  assert.deepEqual(brief(await back('other.service')), ['high UNIT_FAILED sync.service'])
})

describe('memory', () => {
  const meminfo = (available: number) => ({
    'proc/meminfo': `MemTotal: 1000000 kB\nMemFree: 10000 kB\nMemAvailable: ${available} kB\nCached: 900000 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n`,
  })

  test('that is short names who has it; a full cache is no shortage', async (t) => {
    const reality = { processes: [group('db.service', '/system.slice/db.service')] }
    assert.deepEqual(brief(await find(t, memoryPressure, { files: meminfo(20_000), reality })), [
      'high MEMORY_PRESSURE db.service',
    ])
    assert.deepEqual(brief(await find(t, memoryPressure, { files: meminfo(70_000), reality })), [
      'medium MEMORY_PRESSURE db.service',
    ])
    assert.deepEqual(await find(t, memoryPressure, { files: meminfo(600_000), reality }), [])
  })

  test('a kill of the kernel is told with the unit; one of long ago is low', async (t) => {
    const kill = (ago: number) => [
      kernelLine(
        'oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/system.slice/shop.service,task_memcg=/system.slice/shop.service,task=node,pid=712,uid=33',
        ago,
      ),
      kernelLine('Memory cgroup out of memory: Killed process 712 (node) total-vm:900kB, anon-rss:90kB', ago),
    ]
    assert.deepEqual(
      killsIn(kill(0)).map(({ name, unit, ofUnit }) => [name, unit, ofUnit]),
      [['node', 'shop.service', true]],
    )
    assert.deepEqual(brief(await find(t, oomKill, { kernel: kill(60_000) })), ['high OOM_KILL shop.service'])
    assert.deepEqual(brief(await find(t, oomKill, { kernel: kill(10 * 3_600_000) })), ['low OOM_KILL shop.service'])
    assert.deepEqual(
      await find(t, oomKill, { recent: [line('Out of memory: Killed process 1 (x) says a customer')] }),
      [],
    )
  })
})

describe('limits of units, in both versions of cgroups', () => {
  const CGROUP = '/system.slice/shop.service'
  const reality = { processes: [group('shop.service', CGROUP)] }
  const second = (files: Record<string, string>) => ({
    'sys/fs/cgroup/cgroup.controllers': 'memory pids cpu',
    ...Object.fromEntries(Object.entries(files).map(([name, text]) => [`sys/fs/cgroup${CGROUP}/${name}`, text])),
  })

  test('memory that is needed counts, the cache of files does not', async (t) => {
    const files = (anon: number) =>
      second({
        'memory.max': `${100 * MIB}\n`,
        'memory.current': `${99 * MIB}`,
        'memory.stat': `anon ${anon}\nfile ${99 * MIB - anon}\n`,
        'memory.events': 'low 0\nmax 12\noom_kill 0\n',
      })
    assert.deepEqual(brief(await find(t, cgroupLimit, { reality, files: files(95 * MIB) })), [
      'high CGROUP_LIMIT shop.service',
    ])
    assert.deepEqual(await find(t, cgroupLimit, { reality, files: files(20 * MIB) }), [])
    const first = {
      [`sys/fs/cgroup/memory${CGROUP}/memory.limit_in_bytes`]: `${100 * MIB}\n`,
      [`sys/fs/cgroup/memory${CGROUP}/memory.stat`]: `total_rss ${97 * MIB}\n`,
      [`sys/fs/cgroup/memory${CGROUP}/memory.failcnt`]: '7\n',
    }
    assert.deepEqual(brief(await find(t, cgroupLimit, { reality, files: first })), ['high CGROUP_LIMIT shop.service'])
  })

  test('tasks at their limit, and processor time that is withheld now', async (t) => {
    const tasks = (current: number) =>
      second({ 'pids.max': '20\n', 'pids.current': `${current}\n`, 'pids.events': 'max 3\n' })
    assert.deepEqual(brief(await find(t, cgroupLimit, { reality, files: tasks(20) })), [
      'high CGROUP_LIMIT shop.service',
    ])
    assert.deepEqual(await find(t, cgroupLimit, { reality, files: tasks(5) }), [])
    const files = second({ 'cpu.max': '10000 100000\n', 'cpu.stat': 'nr_periods 100\nnr_throttled 90\n' })
    const go = (throttled: number) => (root: string) =>
      writeFileSync(join(root, 'sys/fs/cgroup', CGROUP, 'cpu.stat'), `nr_periods 110\nnr_throttled ${throttled}\n`)
    assert.deepEqual(brief(await find(t, cgroupLimit, { reality, files, between: go(99) })), [
      'high CGROUP_LIMIT shop.service',
    ])
    assert.deepEqual(await find(t, cgroupLimit, { reality, files, between: go(90) }), [])
  })
})

describe('descriptors and connections', () => {
  test('the files of the host and complaints of a unit; an old complaint is none', async (t) => {
    assert.deepEqual(brief(await find(t, fdExhaustion, { files: { 'proc/sys/fs/file-nr': '9800\t0\t10000\n' } })), [
      'critical FD_EXHAUSTION fs.file-max',
    ])
    assert.deepEqual(await find(t, fdExhaustion, { files: { 'proc/sys/fs/file-nr': '1405\t0\t2466183\n' } }), [])
    assert.deepEqual(brief(await find(t, fdExhaustion, { recent: [line('accept: Too many open files')] })), [
      'high FD_EXHAUSTION shop.service',
    ])
    assert.deepEqual(
      await find(t, fdExhaustion, { recent: [line('accept: Too many open files', { at: NOW - 3_000_000 })] }),
      [],
    )
    const said = async (text: string) => (await find(t, fdExhaustion, { recent: [line(text)] })).length
    for (const text of [
      'ENOSPC: System limit for number of file watchers reached',
      'The configured user limit (128) on the number of inotify instances has been reached',
      'Failed to add inotify watch: no space left',
    ])
      assert.equal(await said(text), 1, text)
    assert.equal(await said('fsnotify: using inotify watches for /etc/app'), 0)
  })

  test('a queue that is full at both looks, and connections that nobody closes', async (t) => {
    const reality = { listeners: [listener(8080, 'shop.service')] }
    const tcp = (waiting: string) =>
      `  sl\n${tcpLine(8080, 1).replace('00000000:00000000 00:', `00000000:${waiting} 00:`)}\n`
    const programs = { listen_queues: 'LISTEN 2 2 0.0.0.0:8080 0.0.0.0:*\n' }
    const between = (waiting: string) => (root: string) => writeFileSync(join(root, 'proc/net/tcp'), tcp(waiting))
    const run = (first: string, last: string) =>
      find(t, connectionExhaustion, {
        reality,
        programs,
        files: { 'proc/net/tcp': tcp(first) },
        between: between(last),
      })
    assert.deepEqual(brief(await run('00000003', '00000003')), ['high CONNECTION_EXHAUSTION shop.service'])
    assert.deepEqual(await run('00000003', '00000000'), [])
    const waits = Array.from(
      { length: 120 },
      (_, i) =>
        `   ${i}: 0100007F:1F90 0100007F:${(40_000 + i).toString(16).toUpperCase()} 08 00000000:00000000 00:00000000 00000000 0 0 1`,
    )
    assert.deepEqual(
      brief(await find(t, connectionExhaustion, { reality, files: { 'proc/net/tcp': waits.join('\n') } })),
      ['medium CONNECTION_EXHAUSTION shop.service'],
    )
    const says = (text: string) => find(t, connectionExhaustion, { recent: [line(text)] })
    assert.equal((await says('connect EADDRNOTAVAIL 10.0.0.7:5432')).length, 1)
    const burst = 'request_sock_TCP: Possible SYN flooding on port 0.0.0.0:443. Sending cookies.'
    assert.deepEqual(brief(await find(t, connectionExhaustion, { kernel: [kernelLine(burst)] })), [
      'medium CONNECTION_EXHAUSTION kernel',
    ])
    assert.deepEqual(await says('listen EADDRNOTAVAIL: address not available 10.9.8.7:80'), [])
  })

  test('a table of connections that is full', async (t) => {
    const files = (count: number) => ({
      'proc/sys/net/netfilter/nf_conntrack_count': `${count}\n`,
      'proc/sys/net/netfilter/nf_conntrack_max': '65536\n',
    })
    const kernel = [kernelLine('nf_conntrack: nf_conntrack: table full, dropping packet')]
    assert.deepEqual(brief(await find(t, conntrackFull, { files: files(65_536), kernel })), [
      'high CONNTRACK_FULL nf_conntrack',
    ])
    assert.deepEqual(await find(t, conntrackFull, { files: files(1_200) }), [])
  })
})

describe('network', () => {
  test('a listener that does not answer its own host is behind a firewall; one with a full queue is not', async (t) => {
    const reality = { listeners: [listener(8080, 'shop.service')] }
    const answers = { probe: async () => ({ ok: false, why: 'no answer' }) }
    assert.deepEqual(brief(await find(t, firewallDrop, { reality, answers })), [
      'high FIREWALL_DROP shop.service port 8080',
    ])
    assert.deepEqual(
      await find(t, firewallDrop, {
        reality,
        answers,
        programs: { listen_queues: 'LISTEN 3 2 0.0.0.0:8080 0.0.0.0:*' },
      }),
      [],
    )
    assert.deepEqual(await find(t, firewallDrop, { reality, programs: { nft_rules: '' } }), [])
    const table = (port: string) => ({
      'proc/net/tcp': `  sl  local_address rem_address   st\n   0: 00000000:${port} 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1\n`,
    })
    assert.equal((await find(t, firewallDrop, { reality, answers, files: table('1F90') })).length, 1)
    assert.deepEqual(await find(t, firewallDrop, { reality, answers, files: table('1F91') }), [], 'closed meanwhile')
  })

  test('rules of nft and iptables that turn a port away are read, and so is what their policy leaves out', () => {
    const denied = (rules: string, ports: number[]) => ports.filter((port) => whatDenies(rules, port) !== undefined)
    const nft = 'tcp dport 8080 drop\n tcp dport { 80, 443 } reject\n tcp dport 22 accept\n tcp dport 9000-9010 drop'
    assert.deepEqual(denied(nft, [8080, 80, 443, 22, 9005, 25]), [8080, 80, 443, 9005])
    const saved =
      '-A INPUT -p tcp -m tcp --dport 5432 -j DROP\n-A INPUT -p tcp --dport 22 -j ACCEPT\n# --dport 1 -j DROP'
    assert.deepEqual(denied(saved, [5432, 22, 1]), [5432])
    const closed =
      'type filter hook input priority filter; policy drop;\niifname "lo" accept\ntcp dport { 22, 80 } accept'
    assert.deepEqual(denied(closed, [22, 80, 443]), [443])
    assert.deepEqual(
      denied(':INPUT DROP [0:0]\n-A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT', [80, 443, 25]),
      [25],
    )
    assert.deepEqual(denied(':INPUT ACCEPT [0:0]', [80]), [])
  })

  test('name servers that do not answer matter to a host that has a way out', async (t) => {
    const files = (route: string) => ({
      'etc/resolv.conf': 'nameserver 192.0.2.53\n',
      'etc/nsswitch.conf': 'hosts: files dns\n',
      'proc/net/route': `Iface\tDestination\tGateway\n${route}`,
    })
    const answers = { resolver: async () => ({ ok: false, why: 'no answer' }) }
    const OUT = 'eth0\t00000000\t0100000A\t0003\n'
    assert.deepEqual(brief(await find(t, dnsFailure, { files: files(OUT), answers })), [
      'high DNS_FAILURE /etc/resolv.conf',
    ])
    assert.deepEqual(brief(await find(t, dnsFailure, { files: files(''), answers })), [
      'low DNS_FAILURE /etc/resolv.conf',
    ])
    assert.deepEqual(await find(t, dnsFailure, { files: files(OUT) }), [])
    // What may come in is not what may go out.
    let rules = ':INPUT DROP [0:0]\n-A INPUT -p tcp --dport 22 -j ACCEPT'
    const ruled = async () =>
      brief(await find(t, dnsFailure, { files: files(OUT), answers, programs: { iptables_rules: rules } }))
    assert.deepEqual(await ruled(), ['high DNS_FAILURE /etc/resolv.conf'])
    rules += '\n-A OUTPUT -p udp --dport 53 -j DROP'
    assert.deepEqual(await ruled(), ['high FIREWALL_DROP port 53 (outgoing)'])
    const without = { ...files(OUT), 'etc/nsswitch.conf': 'hosts: files\n' }
    assert.deepEqual(brief(await find(t, dnsFailure, { files: without })), ['high DNS_FAILURE /etc/nsswitch.conf'])
  })

  test('an interface with addresses that is down; a spare one may be', async (t) => {
    const files = (flags: string) => ({
      'sys/class/net/eth0/flags': flags,
      'sys/class/net/eth0/operstate': 'down',
      'sys/class/net/eth1/flags': '0x1002',
      'proc/net/route': 'Iface\neth0\t00000000\t0100000A\t0003\n',
    })
    const programs = { addresses: '2: eth0    inet 10.0.0.5/24 brd 10.0.0.255 scope global eth0\n' }
    assert.deepEqual(brief(await find(t, networkDown, { files: files('0x1002'), programs })), [
      'high NETWORK_DOWN eth0',
    ])
    assert.deepEqual(await find(t, networkDown, { files: files('0x1003'), programs }), [])
  })

  test('a spare interface without a cable is low, whatever an installer wrote for it', async (t) => {
    const netplan = (of1: string) =>
      `network:\n  ethernets:\n    eth0:\n      dhcp4: true\n      addresses: [192.0.2.5/24]\n    eth1:\n${of1}    eth2:\n      addresses: [192.0.2.6/24]\n`
    const severity = async (of1: string, more: Said = {}) => {
      const files = {
        'sys/class/net/eth0/flags': '0x1003',
        'sys/class/net/eth1/flags': '0x1003',
        'sys/class/net/eth1/carrier': '0',
        'proc/net/route': 'Iface\neth0\t00000000\t0100000A\t0003\n',
        'etc/netplan/50.yaml': netplan(of1),
        ...more.files,
      }
      return brief(await find(t, networkDown, { ...more, files }))
    }
    const dhcp = '      dhcp4: true\n      nameservers:\n        addresses: [192.0.2.53]\n'
    const fixed = '      addresses:\n        - 10.1.0.5/24\n'
    assert.deepEqual(await severity(dhcp), ['low NETWORK_DOWN eth1'])
    assert.deepEqual(await severity(fixed), ['high NETWORK_DOWN eth1'])
    assert.deepEqual(await severity(`      optional: true\n${fixed}`), ['low NETWORK_DOWN eth1'])
    assert.deepEqual(await severity(dhcp, { problem: 'eth1 has no link' }), ['high NETWORK_DOWN eth1'])
    const routeless = { 'proc/net/route': 'Iface\n' }
    assert.deepEqual(await severity(dhcp, { files: routeless }), ['high NETWORK_DOWN eth1'])
  })

  test('no way out, where the configuration wants one', async (t) => {
    const files = { 'sys/class/net/eth0/flags': '0x1003', 'proc/net/route': 'Iface\tDestination\n' }
    assert.deepEqual(brief(await find(t, networkDown, { files })), ['low NETWORK_DOWN default route'])
    const wants = { ...files, 'etc/network/interfaces': 'iface eth0 inet static\n  gateway 10.0.0.1\n' }
    assert.deepEqual(brief(await find(t, networkDown, { files: wants })), ['high NETWORK_DOWN default route'])
  })
})

describe('clock, kernel and hardware', () => {
  test('a clock that is behind what has been written is wrong', async (t) => {
    const paths = ['var/log/syslog', 'var/log/auth.log', 'var/lib/systemd/timesync/clock']
    const facts = factsOf(t, { files: Object.fromEntries(paths.map((path) => [path, ''])), now: Date.now() })
    assert.deepEqual(await clockWrong.run(facts), [])
    const tomorrow = new Date(Date.now() + 86_400_000)
    for (const path of paths) utimesSync(facts.host.at(path), tomorrow, tomorrow)
    assert.deepEqual(brief(await clockWrong.run(facts)), ['high CLOCK_WRONG clock'])
  })

  test('faults of the kernel by their lines and by what has tainted it', async (t) => {
    assert.deepEqual(
      brief(await find(t, kernelFault, { kernel: [kernelLine('BUG: unable to handle page fault for address: ffff')] })),
      ['critical KERNEL_FAULT kernel'],
    )
    assert.deepEqual(
      brief(
        await find(t, kernelFault, {
          kernel: [kernelLine('INFO: task jbd2/sda1-8:271 blocked for more than 120 seconds.')],
        }),
      ),
      ['high KERNEL_FAULT jbd2/sda1-8'],
    )
    assert.deepEqual(brief(await find(t, kernelFault, { files: { 'proc/sys/kernel/tainted': '128\n' } })), [
      'high KERNEL_FAULT kernel',
    ])
    // Modules from elsewhere, unsigned.
    assert.deepEqual(await find(t, kernelFault, { files: { 'proc/sys/kernel/tainted': '12289\n' } }), [])
    assert.deepEqual(
      await find(t, kernelFault, { kernel: [kernelLine('shop[712]: segfault at 0 ip 0 sp 0 error 4')] }),
      [],
    )
  })

  test('errors of disks, memory and arrays; what is long past is low', async (t) => {
    const failing = 'blk_update_request: I/O error, dev sda, sector 12345 op 0x0:(READ)'
    assert.deepEqual(brief(await find(t, hardwareError, { kernel: [kernelLine(failing)] })), [
      'high HARDWARE_ERROR sda',
    ])
    assert.deepEqual(brief(await find(t, hardwareError, { kernel: [kernelLine(failing, 20 * 3_600_000)] })), [
      'low HARDWARE_ERROR sda',
    ])
    const mdstat =
      'Personalities : [raid1]\nmd0 : active raid1 sdb1[1] sda1[0](F)\n      1046528 blocks super 1.2 [2/1] [_U]\n'
    assert.deepEqual(brief(await find(t, hardwareError, { files: { 'proc/mdstat': mdstat } })), [
      'high HARDWARE_ERROR md0',
    ])
    assert.deepEqual(
      await find(t, hardwareError, {
        files: { 'proc/mdstat': mdstat.replace('[_U]', '[UU]') },
        kernel: [kernelLine('EXT4-fs (sda1): mounted filesystem with ordered data mode')],
      }),
      [],
    )
  })
})

describe('logs', () => {
  test('a flood is many lines over seconds; a talkative start is none', async (t) => {
    const lines = (count: number, overMs: number) =>
      Array.from({ length: count }, (_, i) => line('again', { at: NOW - Math.round((i * overMs) / count) }))
    assert.deepEqual(brief(await find(t, logFlood, { recent: lines(3_000, 12_000) })), ['high LOG_FLOOD shop.service'])
    assert.deepEqual(await find(t, logFlood, { recent: lines(400, 500) }), [])
    assert.deepEqual(await find(t, logFlood, { recent: lines(300, 60_000) }), [])
  })

  test('what the journal has dropped names who wrote it', async (t) => {
    const recent = [line('Suppressed 9123 messages from shop.service', { unit: 'systemd-journald.service' })]
    assert.deepEqual(brief(await find(t, logFlood, { recent })), ['high LOG_FLOOD shop.service'])
  })
})
