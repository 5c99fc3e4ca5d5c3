// What the checks about sites, databases, certificates, schedules, packages and containers say, and when they are silent.
import 'reflect-metadata'
import assert from 'node:assert/strict'
import { webcrypto } from 'node:crypto'
import { before, describe, test } from 'node:test'
import * as x509 from '@peculiar/x509'
import type { Container, Site, Store } from '#proto/contract/reality.ts'
import { certificateExpired } from '../../../agent/diagnosis/checks/certificate-expired.ts'
import { certificateMismatch } from '../../../agent/diagnosis/checks/certificate-mismatch.ts'
import { configNotApplied } from '../../../agent/diagnosis/checks/config-not-applied.ts'
import { containers } from '../../../agent/diagnosis/checks/containers.ts'
import { databaseConnections } from '../../../agent/diagnosis/checks/database-connections.ts'
import { databaseDown } from '../../../agent/diagnosis/checks/database-down.ts'
import { endpointFailing } from '../../../agent/diagnosis/checks/endpoint-failing.ts'
import { packageManager } from '../../../agent/diagnosis/checks/package-manager.ts'
import { scheduleBroken } from '../../../agent/diagnosis/checks/schedule-broken.ts'
import { upstreamDown } from '../../../agent/diagnosis/checks/upstream-down.ts'
import { wrongAddress } from '../../../agent/diagnosis/checks/wrong-address.ts'
import { parseStamp } from '../../../agent/diagnosis/logs.ts'
import { tcpLine } from '../reality/tree.ts'
import { found, listener, MINUTE, NOW, type Said, serious, unit } from './fake-facts.ts'

const OK = { state: 'ok', why: '', evidence: { source: '', at: NOW } } as const
const LOCAL = { 'proc/1/net/fib_trie': '  |-- 10.9.8.7\n     /32 host LOCAL\n  |-- 127.0.0.1\n     /32 host LOCAL\n' }
const site = (target: string, more: Partial<Site> = {}): Site => ({
  server: 'nginx',
  names: ['shop.example'],
  listens: ['80'],
  upstreams: [{ location: '/', target, members: [] }],
  certificates: [],
  file: '/etc/nginx/sites-enabled/shop',
  health: OK,
  ...more,
})

describe('what web servers pass requests to', () => {
  const app = unit('app.service', 'failed', { text: '[Service]\nEnvironment=PORT=3000\nExecStart=/srv/app\n' })
  test('nobody is there: the unit that should be is found by its port', async (t) => {
    assert.deepEqual(await serious(t, upstreamDown, { sites: [site('http://127.0.0.1:3000')], units: [app] }), [
      'UPSTREAM_DOWN app.service',
    ])
    assert.deepEqual(await serious(t, upstreamDown, { sites: [site('http://127.0.0.1:3999')] }), [
      'UPSTREAM_DOWN 127.0.0.1:3999',
    ])
    const ours = unit('mttrly-update@1.0.0.service', 'failed', { text: '[Service]\nExecStart=/opt/mttrly/x\n' })
    assert.deepEqual(await serious(t, upstreamDown, { sites: [site('http://127.0.0.1:3999')], units: [ours] }), [
      'UPSTREAM_DOWN 127.0.0.1:3999',
    ])
    assert.deepEqual(await serious(t, upstreamDown, { sites: [site('http://unix:/run/app.sock:/')] }), [
      'UPSTREAM_DOWN /run/app.sock',
    ])
  })
  test('somebody is there, or it is elsewhere, or it is a spare', async (t) => {
    assert.deepEqual(
      await serious(t, upstreamDown, { sites: [site('http://127.0.0.1:3000')], listeners: [listener(3000, 'app')] }),
      [],
    )
    assert.deepEqual(await serious(t, upstreamDown, { sites: [site('http://api.example.com')] }), [])
    const pool = site('http://pool', {
      upstreams: [{ location: '/', target: 'http://pool', members: ['127.0.0.1:3000', '127.0.0.1:3001 backup'] }],
    })
    assert.deepEqual(await serious(t, upstreamDown, { sites: [pool], listeners: [listener(3000, 'app')] }), [])
  })
})

describe('where a service listens', () => {
  const running = unit('app.service', 'running', { text: '[Service]\nExecStart=/srv/app --port 3000\n' })
  test('at another address than its web server asks', async (t) => {
    const said = (address: string): Said => ({
      units: [running],
      sites: [site('http://10.9.8.7:3000')],
      listeners: [listener(3000, 'app', address)],
      files: LOCAL,
    })
    assert.deepEqual(await serious(t, wrongAddress, said('127.0.0.1')), ['WRONG_ADDRESS app.service'])
    assert.deepEqual(await serious(t, wrongAddress, said('0.0.0.0')), [])
    assert.deepEqual(await serious(t, wrongAddress, said('::')), [])
  })
  test('at another port than its client was refused at', async (t) => {
    const client = unit('worker.service', 'running', { log: ['Error: connect ECONNREFUSED 127.0.0.1:5433'] })
    const db = unit('postgresql@15-main.service', 'running')
    const text = '[Service]\nExecStart=/srv/app --port 5433\n'
    assert.deepEqual(
      await serious(t, wrongAddress, { units: [client, db], listeners: [listener(5432, 'postgresql@15-main')] }),
      [],
    )
    assert.deepEqual(
      await serious(t, wrongAddress, {
        units: [client, unit('app.service', 'running', { text })],
        listeners: [listener(5432, 'app')],
      }),
      ['WRONG_ADDRESS app.service'],
    )
  })
  test('on loopback alone is a fault only when it should be reached from afar', async (t) => {
    const said: Said = { units: [running], listeners: [listener(3000, 'app', '127.0.0.1')] }
    assert.deepEqual(await serious(t, wrongAddress, said), [])
    assert.deepEqual(
      await serious(t, wrongAddress, { ...said, problem: 'app cannot be reached from other machines' }),
      ['WRONG_ADDRESS app.service'],
    )
  })
})

describe('endpoints', () => {
  const said = (status: number): Said => ({
    units: [unit('app.service', 'running', { text: '[Service]\nExecStart=/usr/bin/node /srv/app.js\n' })],
    files: { 'srv/app.js': 'route("/healthz", check)' },
    listeners: [listener(3000, 'app'), listener(6379, 'redis-server')],
    runtimes: [
      {
        runtime: 'node',
        program: '/usr/bin/node',
        user: 'app',
        owner: { kind: 'unit', name: 'app.service' },
        pids: [1],
        memory: 1,
        health: OK,
      },
    ],
    probe: (port, path) =>
      port === 6379
        ? { ok: false, why: 'must not be asked' }
        : path === '/healthz'
          ? { ok: status < 500, status, why: `HTTP ${status}` }
          : { ok: true, status: 200, why: '' },
  })
  test('an error of the server at the endpoint that its program names', async (t) =>
    assert.deepEqual(await serious(t, endpointFailing, said(503)), ['ENDPOINT_FAILING app.service']))
  test('none of a client', async (t) => assert.deepEqual(await serious(t, endpointFailing, said(401)), []))
})

describe('databases', () => {
  const store = (more: Partial<Store> = {}): Store => ({
    kind: 'database',
    software: 'postgresql',
    owner: { kind: 'unit', name: 'postgresql@15-main.service' },
    pid: 5432,
    settings: { port: '5432' },
    health: OK,
    ...more,
  })
  const refused = unit('app.service', 'running', {
    log: ['psycopg2.OperationalError: connection to server at "127.0.0.1", port 5432 failed: Connection refused'],
  })
  test('one that failed, with the clients that are refused', async (t) => {
    const [finding] = await found(t, databaseDown, {
      units: [unit('postgresql@15-main.service', 'failed'), refused],
      stores: [store()],
    })
    assert.equal(finding?.subject, 'postgresql@15-main.service')
    assert.deepEqual(finding?.impact, ['app.service is refused'])
  })
  test('clients that find none', async (t) =>
    assert.deepEqual(await serious(t, databaseDown, { units: [refused] }), ['DATABASE_DOWN 127.0.0.1:5432']))
  test('one that runs, and the wrapper of its clusters', async (t) => {
    const units = [
      unit('postgresql@15-main.service', 'running'),
      unit('postgresql.service', 'running', { sub: 'exited' }),
    ]
    assert.deepEqual(
      await serious(t, databaseDown, { units, stores: [store()], listeners: [listener(5432, 'postgresql@15-main')] }),
      [],
    )
  })
  test('no connections left, counted or said', async (t) => {
    const established = Array.from(
      { length: 99 },
      (_, i) => `   ${i}: 0100007F:1538 0100007F:${(40_000 + i).toString(16).toUpperCase()} 01 0:0 0:0 0 0 0 ${i}`,
    ).join('\n')
    const redis = store({ kind: 'cache', software: 'redis', settings: { port: '5432', maxclients: '100' } })
    assert.deepEqual(
      await serious(t, databaseConnections, { stores: [store({ connections: { used: 97, most: 100 } })] }),
      ['DATABASE_CONNECTIONS postgresql@15-main.service'],
    )
    assert.deepEqual(
      await serious(t, databaseConnections, {
        stores: [redis],
        files: { 'proc/1/net/tcp': `${tcpLine(5432, 1)}\n${established}\n` },
      }),
      ['DATABASE_CONNECTIONS postgresql@15-main.service'],
    )
    assert.deepEqual(
      await serious(t, databaseConnections, { stores: [store({ connections: { used: 60, most: 100 } })] }),
      [],
    )
    const log = ['FATAL:  sorry, too many clients already']
    const units = (loggedAt: number) => [unit('app.service', 'running', { log, loggedAt })]
    assert.deepEqual(await serious(t, databaseConnections, { stores: [store()], units: units(NOW - MINUTE) }), [
      'DATABASE_CONNECTIONS postgresql@15-main.service',
    ])
    assert.deepEqual(await serious(t, databaseConnections, { stores: [store()], units: units(NOW - 50 * MINUTE) }), [])
  })
})

describe('certificates', () => {
  const P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const made = new Map<string, { certificate: string; key: string }>()
  const make = async (name: string, from: number, to: number): Promise<void> => {
    const keys = (await webcrypto.subtle.generateKey(P256, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: `CN=${name}`,
      keys,
      signingAlgorithm: P256,
      notBefore: new Date(from),
      notAfter: new Date(to),
      extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: name }])],
    })
    const key = x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY')
    made.set(name, { certificate: certificate.toString('pem'), key })
  }
  const DAY = 86_400_000
  before(async () => {
    x509.cryptoProvider.set(webcrypto)
    await make('fine.example', NOW - DAY, NOW + 40 * DAY)
    await make('old.example', NOW - 90 * DAY, NOW - DAY)
    await make('soon.example', NOW - 90 * DAY, NOW + 2 * DAY)
  })
  const said = (name: string, { key = name, server = name } = {}): Said => ({
    files: {
      'etc/nginx/nginx.conf': `http { server { listen 443 ssl; server_name ${server}; ssl_certificate a.pem; ssl_certificate_key a.key; } }`,
      'etc/nginx/a.pem': made.get(name)?.certificate ?? '',
      'etc/nginx/a.key': made.get(key)?.key ?? '',
    },
  })
  const both = async (t: Parameters<typeof serious>[0], one: Said) => [
    ...(await serious(t, certificateExpired, one)),
    ...(await serious(t, certificateMismatch, one)),
  ]
  test('one that fits', async (t) => assert.deepEqual(await both(t, said('fine.example')), []))
  test('expired, or soon', async (t) => {
    assert.deepEqual(await both(t, said('old.example')), ['CERTIFICATE_EXPIRED /etc/nginx/a.pem'])
    assert.deepEqual(await both(t, said('soon.example')), ['CERTIFICATE_EXPIRED /etc/nginx/a.pem'])
  })
  test('the key of another, or the name of another', async (t) => {
    assert.deepEqual(await both(t, said('fine.example', { key: 'old.example' })), [
      'CERTIFICATE_MISMATCH /etc/nginx/a.pem',
    ])
    assert.deepEqual(await both(t, said('fine.example', { server: 'other.example' })), [
      'CERTIFICATE_MISMATCH /etc/nginx/a.pem',
    ])
  })
  test('nothing of a key is told', async (t) => {
    const findings = await found(t, certificateMismatch, said('fine.example', { key: 'old.example' }))
    assert.ok(!JSON.stringify(findings).includes((made.get('old.example')?.key ?? '').split('\n')[1] ?? '?'))
  })
})

describe('cron and timers', () => {
  const ROOT = { 'usr/bin/true': '', 'bin/sh': '' }
  const cron = (name: string, text: string, mode = 0o644): Said => ({
    files: { ...ROOT, [`etc/cron.d/${name}`]: text },
    modes: { 'usr/bin/true': 0o755, [`etc/cron.d/${name}`]: mode },
  })
  const FINE = 'PATH=/usr/bin\n*/5 0-6 * * mon-fri root true >/dev/null\n@daily root /usr/bin/true\n'
  test('a table that is as it should be', async (t) =>
    assert.deepEqual(await serious(t, scheduleBroken, cron('app', FINE)), []))
  const BROKEN: [string, string, string, number?][] = [
    ['writable by others', 'app', FINE, 0o666],
    ['a name with a dot', 'app.sh', FINE],
    ['no end of line', 'app', '* * * * * root /usr/bin/true'],
    ['no such program', 'app', '* * * * * root /opt/none\n'],
    ['not in PATH', 'app', '* * * * * root nonesuch --now\n'],
    ['no such user', 'app', '* * * * * nobodyx /usr/bin/true\n'],
    ['no such minute', 'app', '75 * * * * root /usr/bin/true\n'],
  ]
  for (const [what, name, text, mode] of BROKEN)
    test(what, async (t) =>
      assert.deepEqual(await serious(t, scheduleBroken, cron(name, text, mode)), [
        `SCHEDULE_BROKEN /etc/cron.d/${name}`,
      ]),
    )

  test('timers: without their service, stopped, of a job that failed; and one that has not gone off yet', async (t) => {
    const timer = (state: string, file = '[Timer]\n') =>
      unit('job.timer', state, { text: file, sub: 'waiting', triggers: ['job.service'] })
    const job = (state: string) => unit('job.service', state, { text: '[Service]\nType=oneshot\n' })
    assert.deepEqual(await serious(t, scheduleBroken, { units: [timer('running')] }), ['SCHEDULE_BROKEN job.timer'])
    assert.deepEqual(await serious(t, scheduleBroken, { units: [timer('stopped'), job('idle')] }), [
      'SCHEDULE_BROKEN job.timer',
    ])
    assert.deepEqual(await serious(t, scheduleBroken, { units: [timer('running'), job('failed')] }), [
      'SCHEDULE_BROKEN job.service',
    ])
    assert.deepEqual(await serious(t, scheduleBroken, { units: [timer('running'), job('idle')] }), [])
    assert.deepEqual(await serious(t, scheduleBroken, { units: [timer('idle'), job('idle')] }), [])
  })
})

describe('packages, containers, and changes that were not noticed', () => {
  const packages = {
    manager: 'dpkg',
    count: 1,
    rebootRequired: false,
    installed: {},
    broken: [] as string[],
    health: OK,
  } as const
  test('half installed packages, and a lock that is no package manager’s', async (t) => {
    const health = { ...OK, state: 'failed', why: '1 packages are not completely installed' } as const
    assert.deepEqual(
      await serious(t, packageManager, {
        packages: { ...packages, broken: ['vim 9: install ok half-configured'], health },
      }),
      ['PACKAGE_MANAGER_STUCK dpkg'],
    )
    const held = (name: string, since: number, state = 'S'): Said => ({
      packages: { ...packages, broken: [], lockedBy: 7 },
      processes: [
        {
          owner: { kind: 'session', name: 's' },
          cgroup: '/',
          count: 1,
          memory: 1,
          cpuMs: 1,
          processes: [
            {
              pid: 7,
              name,
              command: name,
              user: 'root',
              state,
              memory: 1,
              threads: 1,
              cpuMs: 1,
              since,
              replaced: false,
            },
          ],
        },
      ],
    })
    assert.deepEqual(await serious(t, packageManager, held('sleep', NOW - MINUTE)), ['PACKAGE_MANAGER_STUCK dpkg'])
    assert.deepEqual(await serious(t, packageManager, held('apt-get', NOW - 60 * MINUTE)), [
      'PACKAGE_MANAGER_STUCK dpkg',
    ])
    assert.deepEqual(await serious(t, packageManager, held('apt-get', NOW - MINUTE)), [])
    assert.deepEqual(await serious(t, packageManager, held('dpkg', NOW - MINUTE, 'D')), [])
    assert.deepEqual(await serious(t, packageManager, held('dpkg', NOW - MINUTE, 'T')), ['PACKAGE_MANAGER_STUCK dpkg'])
  })
  test('containers', async (t) => {
    const container = (more: Partial<Container>): Said => ({
      containers: [
        { id: '1', name: 'shop', image: 'shop:1', state: 'running', restarts: 0, ports: [], health: OK, ...more },
      ],
    })
    const lately = NOW - 5 * MINUTE
    assert.deepEqual(await serious(t, containers, container({})), [])
    assert.deepEqual(
      await serious(
        t,
        containers,
        container({ state: 'exited', exitCode: 0, restartPolicy: 'no', finishedAt: lately }),
      ),
      [],
    )
    assert.deepEqual(await serious(t, containers, container({ state: 'restarting', exitCode: 1, restarts: 6 })), [
      'CONTAINER_CRASH_LOOP shop',
    ])
    assert.deepEqual(
      await serious(t, containers, container({ health: { ...OK, state: 'failed', why: 'unhealthy: exit 1' } })),
      ['CONTAINER_UNHEALTHY shop'],
    )
    assert.deepEqual(
      await serious(t, containers, container({ state: 'exited', exitCode: 137, oomKilled: true, finishedAt: lately })),
      ['CONTAINER_OOM shop'],
    )
    assert.deepEqual(
      await serious(
        t,
        containers,
        container({ state: 'exited', exitCode: 0, restartPolicy: 'always', finishedAt: lately }),
      ),
      ['CONTAINER_STOPPED shop'],
    )
  })
  test('a unit file that systemd has not read anew, and a service that is up to date', async (t) => {
    const health = { ...OK, state: 'degraded', why: 'runs; its file has changed since systemd read it' } as const
    assert.deepEqual(await serious(t, configNotApplied, { units: [unit('a.service', 'running', { health })] }), [
      'CONFIG_NOT_APPLIED a.service',
    ])
    assert.deepEqual(
      await serious(t, configNotApplied, {
        units: [unit('a.service', 'running', { text: '[Service]\nExecStart=/bin/true\n', since: Date.now() + MINUTE })],
      }),
      [],
    )
    assert.deepEqual(
      await serious(t, configNotApplied, {
        units: [unit('a.service', 'running', { text: '[Service]\nExecStart=/bin/true\n', since: Date.now() - MINUTE })],
      }),
      ['CONFIG_NOT_APPLIED a.service'],
    )
  })
  test('dates of log files', () => {
    const at = Date.UTC(2026, 10, 22, 20, 45, 1)
    assert.equal(parseStamp('2026-11-22 20:45:01.123 UTC [812] FATAL:  x'), at)
    assert.equal(parseStamp('2026-11-22T20:45:01Z x'), at)
    const local = at + new Date(at).getTimezoneOffset() * MINUTE
    for (const text of [
      '2026/11/22 20:45:01 [error] 12#12: x',
      '812:M 22 Nov 2026 20:45:01.344 * x',
      '[Sun Nov 22 20:45:01.123456 2026] [core:error] x',
    ])
      assert.equal(parseStamp(text), local, text)
    assert.equal(parseStamp('no date'), undefined)
  })
})
