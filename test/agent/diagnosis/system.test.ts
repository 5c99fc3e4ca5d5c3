// What the checks say of files of the system, names, accounts' units, databases that refuse, and limits of accounts.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { databaseConnections } from '../../../agent/diagnosis/checks/database-connections.ts'
import { databaseRefuses } from '../../../agent/diagnosis/checks/database-refuses.ts'
import { diskFull } from '../../../agent/diagnosis/checks/disk-full.ts'
import { fileSystemReadOnly } from '../../../agent/diagnosis/checks/file-system-read-only.ts'
import { hostsFile } from '../../../agent/diagnosis/checks/hosts-file.ts'
import { packageManager } from '../../../agent/diagnosis/checks/package-manager.ts'
import { scheduleBroken } from '../../../agent/diagnosis/checks/schedule-broken.ts'
import { supervised } from '../../../agent/diagnosis/checks/supervised.ts'
import { systemFiles } from '../../../agent/diagnosis/checks/system-files.ts'
import { unitFailed } from '../../../agent/diagnosis/checks/unit-failed.ts'
import { whatKeepsIn } from '../../../agent/diagnosis/rules.ts'
import { withSufferers } from '../../../agent/diagnosis/sufferers.ts'
import { localUpstreams } from '../../../agent/diagnosis/upstreams.ts'
import { factsOf, found, listener, MINUTE, NOW, serious, unit } from './fake-facts.ts'

const HEALTH = { state: 'ok', why: '', evidence: { source: 'test', at: NOW } } as const
const store = (software: string, name: string) => ({
  kind: 'database' as const,
  software,
  pid: 7,
  owner: { kind: 'unit' as const, name },
  settings: {},
  health: HEALTH,
})
const app = (log: string[], text = '[Service]\nExecStart=/srv/app\n') => unit('app.service', 'running', { text, log })

describe('files of the system', () => {
  const modes = {
    '.': 0o755,
    etc: 0o755,
    tmp: 0o1777,
    'etc/sudoers': 0o440,
    'etc/ssh/ssh_host_rsa_key': 0o600,
    'etc/resolv.conf': 0o644,
  }
  const files = { 'tmp/x': '', 'etc/sudoers': '', 'etc/ssh/ssh_host_rsa_key': '', 'etc/resolv.conf': '' }

  test('are no finding as they should be', async (t) =>
    assert.deepEqual(await serious(t, systemFiles, { files, modes }), []))
  for (const [path, mode] of [
    ['tmp', 0o755],
    ['etc/resolv.conf', 0o600],
    ['etc/sudoers', 0o666],
    ['etc/ssh/ssh_host_rsa_key', 0o644],
  ] as const)
    test(`are one: /${path} with ${mode.toString(8)}`, async (t) =>
      assert.deepEqual(await serious(t, systemFiles, { files, modes: { ...modes, [path]: mode } }), [
        `PERMISSION_DENIED /${path}`,
      ]))
  test('and one that keeps people out', async (t) =>
    assert.deepEqual(await serious(t, systemFiles, { files: { ...files, 'etc/nologin': 'work' }, modes }), [
      'PERMISSION_DENIED /etc/nologin',
    ]))
})

describe('a name of /etc/hosts', () => {
  const files = { 'etc/hosts': '127.0.0.1 localhost\n192.0.2.10 supplier.example\n' }

  test('that a service does not reach there', async (t) =>
    assert.deepEqual(
      await serious(t, hostsFile, { files, units: [app(['cannot reach supplier.example:443: timed out'])] }),
      ['DNS_FAILURE /etc/hosts'],
    ))
  test('that the service knows by its settings, and its complaint by the address', async (t) =>
    assert.equal(
      (
        await serious(t, hostsFile, {
          files,
          units: [app(['connect ETIMEDOUT 192.0.2.10:443'], '[Service]\nEnvironment=API=https://supplier.example\n')],
        })
      ).length,
      1,
    ))
  test('that is only a part of another word', async (t) =>
    assert.deepEqual(
      await serious(t, hostsFile, {
        files: { 'etc/hosts': '192.0.2.1 db\n' },
        units: [app(['feedback: timed out', 'connect ETIMEDOUT db.example:5432', 'connect ETIMEDOUT 192.0.2.10:443'])],
      }),
      [],
    ))
  test('that nobody complains of', async (t) =>
    assert.deepEqual(await serious(t, hostsFile, { files, units: [app(['connect ETIMEDOUT 198.51.100.7:443'])] }), []))
})

describe('units that systemd itself does not list', () => {
  const log = (...text: string[]) =>
    unit('user@1000.service', 'running', { log: text.map((each) => `systemd: ${each}`) })

  test('of an account, that failed and did not come back', async (t) => {
    const failed = "sync.service: Failed with result 'exit-code'."
    assert.deepEqual(await serious(t, supervised, { units: [log(failed)] }), ['UNIT_FAILED sync.service'])
    assert.deepEqual(await serious(t, supervised, { units: [log(failed, 'Started sync.service - Sync.')] }), [])
  })
  test('of a supervisor', async (t) => {
    const health = { ...HEALTH, state: 'failed' as const, why: 'FATAL' }
    const kept = {
      supervisor: 'supervisor' as const,
      name: 'queue',
      command: '/srv/queue',
      pids: [],
      restarts: 0,
      health,
    }
    assert.deepEqual(await serious(t, supervised, { supervised: [kept] }), ['UNIT_FAILED queue'])
  })
})

describe('a database that runs', () => {
  for (const [software, owner, text, expected] of [
    [
      'postgresql',
      'postgresql@15-main.service',
      'ERROR: cannot execute INSERT in a read-only transaction',
      'DATABASE_DOWN postgresql@15-main.service',
    ],
    [
      'postgresql',
      'postgresql@15-main.service',
      'FATAL: pg_hba.conf rejects connection for host "[local]"',
      'CONFIG_INVALID app.service',
    ],
    ['redis', 'redis.service', "READONLY You can't write against a read only replica.", 'DATABASE_DOWN redis.service'],
    ['mariadb', 'mariadb.service', "Access denied for user 'shop'@'localhost'", 'CONFIG_INVALID app.service'],
  ] as const)
    test(`and refuses: ${text}`, async (t) =>
      assert.deepEqual(
        await serious(t, databaseRefuses, {
          units: [app([text]), unit(owner, 'running')],
          stores: [store(software, owner)],
        }),
        [expected],
      ))
  for (const [software, text] of [
    ['postgresql', 'Accepted publickey for root from 192.0.2.1 port 25006 ssh2'],
    ['mariadb', 'fatal: Access denied for user root by PAM account configuration [preauth]'],
  ] as const)
    test(`is not what this speaks of: ${text}`, async (t) =>
      assert.deepEqual(
        await serious(t, databaseRefuses, {
          units: [unit('ssh.service', 'running', { log: [text] }), unit(`${software}.service`, 'running')],
          stores: [store(software, `${software}.service`)],
        }),
        [],
      ))
  test('is not what any unit means that says plain words', async (t) => {
    const said = (text?: string) =>
      serious(t, databaseRefuses, {
        units: [app(['Authentication failed.'], text), unit('mongod.service', 'running')],
        stores: [store('mongodb', 'mongod.service')],
      })
    assert.deepEqual(await said(), [])
    assert.deepEqual(await said('[Service]\nEnvironment=URL=mongodb://127.0.0.1/shop\n'), [
      'CONFIG_INVALID app.service',
    ])
  })
  test('and refused while it started, is one that runs', async (t) => {
    const own = (log: string[]) =>
      unit('postgresql.service', 'running', { log, loggedAt: NOW - MINUTE, since: NOW - 2 * MINUTE })
    const refused = app(['FATAL: the database system is starting up'])
    const stores = [store('postgresql', 'postgresql.service')]
    const ready = 'LOG: database system is ready to accept connections'
    assert.deepEqual(await serious(t, databaseRefuses, { units: [refused, own([ready])], stores }), [])
    assert.equal((await serious(t, databaseRefuses, { units: [refused, own([])], stores })).length, 1)
  })
  test('is not judged by what another host has', async (t) =>
    assert.deepEqual(await serious(t, databaseRefuses, { units: [app(["READONLY You can't write"])] }), []))
  test('of a make without connections of its own words is named by who has them', async (t) =>
    assert.deepEqual(
      await serious(t, databaseConnections, {
        units: [app(['ERROR Too many open connections']), unit('memcached.service', 'running')],
        stores: [{ ...store('memcached', 'memcached.service'), kind: 'cache' }],
      }),
      ['DATABASE_CONNECTIONS memcached.service'],
    ))
})

test('a unit may not write what the host may: its own sandbox is named', async (t) =>
  assert.deepEqual(
    await serious(t, fileSystemReadOnly, {
      units: [app(['/var/spool/app/last: Read-only file system'], '[Service]\nProtectSystem=strict\n')],
    }),
    ['FILE_SYSTEM_READ_ONLY app.service'],
  ))

test('a place is mounted read-only over what is writable', async (t) =>
  assert.deepEqual(
    await serious(t, fileSystemReadOnly, {
      files: { 'proc/1/mountinfo': '30 1 8:1 /x /var/spool/app ro,relatime - ext4 /dev/sda1 rw\n' },
      units: [app(['app: line 3: /var/spool/app/last: Read-only file system'])],
    }),
    ['FILE_SYSTEM_READ_ONLY /var/spool/app'],
  ))

test('a quota is used up where there is room', async (t) =>
  assert.deepEqual(await serious(t, diskFull, { units: [app(["write '/srv/x': Disk quota exceeded"])] }), [
    'DISK_FULL app.service',
  ]))

test('a rule keeps this host from asking, by port or by address', () => {
  const rules =
    '-A INPUT -p tcp --dport 25 -j DROP\n-A OUTPUT -p tcp --dport 443 -j DROP\n-A OUTPUT -d 192.0.2.9/32 -j REJECT\n'
  assert.match(whatKeepsIn(rules, 443, []) ?? '', /dport 443/)
  assert.match(whatKeepsIn(rules, 80, ['192.0.2.9']) ?? '', /192\.0\.2\.9/)
  assert.equal(whatKeepsIn(rules, 25, []), undefined)
  assert.equal(whatKeepsIn('-A ufw-user-input -p tcp --dport 5432 -j DROP', 5432, []), undefined)
  const nft = (hook: string) => `chain ${hook} {\n type filter hook ${hook} priority 0;\n tcp dport 5432 drop\n}\n`
  assert.equal(whatKeepsIn(nft('input'), 5432, []), undefined)
  assert.match(whatKeepsIn(nft('input') + nft('output'), 5432, []) ?? '', /drop/)
  assert.match(whatKeepsIn('chain output {\n tcp dport { 587, 993 } drop\n}', 993, []) ?? '', /drop/)
})

describe('a timer without a next time', () => {
  const elapsed = (when: string, last?: number) => ({
    units: [
      unit('list.timer', 'running', {
        sub: 'elapsed',
        kind: 'timer',
        triggers: ['list.service'],
        text: `[Timer]\nOnCalendar=${when}\n`,
      }),
      unit('list.service', 'idle', { text: '[Service]\nType=oneshot\n' }),
    ],
    schedules: [
      {
        kind: 'timer' as const,
        name: 'list.timer',
        when,
        command: 'list.service',
        ...(last && { last }),
        health: HEALTH,
      },
    ],
  })
  const broken = ['SCHEDULE_BROKEN list.timer']
  const january = Date.UTC(2020, 0, 1, 3)

  test('was given a day that had gone by, or was to go off again', async (t) => {
    assert.deepEqual(await serious(t, scheduleBroken, elapsed('2020-01-01')), broken)
    assert.deepEqual(await serious(t, scheduleBroken, elapsed('2020-01-01', january - 90 * 24 * 60 * MINUTE)), broken)
    assert.deepEqual(await serious(t, scheduleBroken, elapsed('2020-*-01 03:00', january)), broken)
  })
  test('has done what it was for', async (t) => {
    assert.deepEqual(await serious(t, scheduleBroken, elapsed('Wed 2020-01-01 03:00', january)), [])
  })
  test('went by on an earlier life of the host', async (t) => {
    const yesterday = new Date(NOW - 24 * 60 * MINUTE).toISOString().slice(0, 10)
    assert.deepEqual(await serious(t, scheduleBroken, elapsed(yesterday)), [])
  })
})

test('what a package manager said is told of for a day', async (t) => {
  const log = 'var/log/unattended-upgrades/unattended-upgrades.log'
  const said = (daysAgo: number) =>
    `${new Date(NOW - daysAgo * 24 * 60 * MINUTE).toISOString().slice(0, 19).replace('T', ' ')}Z ERROR dpkg returned an error`
  const told = (text: string) => serious(t, packageManager, { files: { [log]: `${text}\n` } })
  assert.deepEqual(await told(said(0.5)), ['PACKAGE_MANAGER_STUCK dpkg'])
  assert.deepEqual(await told(`${said(5)}\n${said(0).replace(/ERROR.*/, 'INFO All upgrades installed')}`), [])
})

test('a secret that the end of a title would cut is not in it', async (t) => {
  const token = `ghp_${'a1B2c3D4e5F6'.repeat(3)}`
  const log = [`error: ${'x'.repeat(170)} ${token} refused`]
  const [told] = await found(t, unitFailed, { units: [unit('app.service', 'failed', { log })] })
  assert.match(told?.title ?? '', /it said last "error: x+ …"$/)
})

test('a source whose key is not there', async (t) =>
  assert.deepEqual(
    await serious(t, packageManager, {
      files: {
        'etc/apt/sources.list.d/x.list': 'deb [signed-by=/usr/share/keyrings/x.gpg] https://x.example stable main\n',
      },
    }),
    ['PACKAGE_MANAGER_STUCK /etc/apt/sources.list.d/x.list'],
  ))

test('who suffers: what a web server passes requests to, haproxy as well, and the clients of a database', async (t) => {
  const facts = factsOf(t, {
    files: {
      'etc/haproxy/haproxy.cfg':
        'backend seats\n  server one 127.0.0.1:8200 check\n  server two 127.0.0.1:8201 backup\n',
    },
    units: [
      unit('haproxy.service', 'running'),
      unit('seats.service', 'failed', { text: '[Service]\nEnvironment=PORT=8200\n' }),
    ],
    listeners: [listener(8200, 'seats', '127.0.0.1')],
  })
  assert.deepEqual(
    localUpstreams(facts).map(({ what }) => what),
    ['127.0.0.1:8200'],
  )
  const root = {
    cause: 'OOM_KILL' as const,
    subject: 'seats.service',
    title: '',
    severity: 'high' as const,
    confidence: 1,
    impact: [],
    evidence: [],
    next: [],
    explains: [],
  }
  assert.ok(withSufferers(root, facts).explains.includes('ENDPOINT_FAILING haproxy.service'))
  assert.deepEqual(withSufferers({ ...root, severity: 'medium' }, facts).explains, [])
})
