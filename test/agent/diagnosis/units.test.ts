// What the checks about units say of what programs and systemd really write, and that they are silent where nothing is wrong.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Check } from '../../../agent/diagnosis/check.ts'
import { configInvalid } from '../../../agent/diagnosis/checks/config-invalid.ts'
import { dependencyFailed } from '../../../agent/diagnosis/checks/dependency-failed.ts'
import { permissionDenied } from '../../../agent/diagnosis/checks/permission-denied.ts'
import { portConflict } from '../../../agent/diagnosis/checks/port-conflict.ts'
import { programMissing } from '../../../agent/diagnosis/checks/program-missing.ts'
import { startedTooEarly } from '../../../agent/diagnosis/checks/started-too-early.ts'
import { unitFailed } from '../../../agent/diagnosis/checks/unit-failed.ts'
import { unitMasked } from '../../../agent/diagnosis/checks/unit-masked.ts'
import { unitStopped } from '../../../agent/diagnosis/checks/unit-stopped.ts'
import { fstabFault, nginxFault, sshdFault, sudoersFault, unitFault } from '../../../agent/diagnosis/syntax.ts'
import { found, listener, MINUTE, NOW, type Said, serious, unit } from './fake-facts.ts'

const START = 'systemd: Started app.service.'
const ENDED = 'systemd: app.service: Main process exited, code=exited, status=1/FAILURE'
const EXEC = { text: '[Service]\nUser=app\nExecStart=/usr/bin/env\n', user: 'app' }
const FILES = { 'usr/bin/env': '' }

/** A line of a unit that failed → whether this check, of all those that read lines, is the one that speaks. */
const READERS: Record<string, Check> = {
  PORT_CONFLICT: portConflict,
  PROGRAM_MISSING: programMissing,
  PERMISSION_DENIED: permissionDenied,
  CONFIG_INVALID: configInvalid,
}
const SAYINGS: [string, string][] = [
  ['PORT_CONFLICT', 'Error: listen EADDRINUSE: address already in use :::3000'],
  ['PORT_CONFLICT', 'nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)'],
  ['PORT_CONFLICT', 'OSError: [Errno 98] Address already in use'],
  ['PORT_CONFLICT', 'Error: listen tcp :8080: bind: address already in use'],
  ['PORT_CONFLICT', '(98)Address already in use: AH00072: make_sock: could not bind to address [::]:80'],
  ['PORT_CONFLICT', 'Could not create server TCP listening socket 127.0.0.1:6379: bind: Address already in use'],
  ['PORT_CONFLICT', 'LOG:  could not bind IPv4 address "127.0.0.1": Address already in use'],
  ['PORT_CONFLICT', 'Web server failed to start. Port 8080 was already in use.'],
  ['PROGRAM_MISSING', "app.service: Unable to locate executable '/opt/app/run': No such file or directory"],
  ['PROGRAM_MISSING', 'app.service: Failed to locate executable /opt/app/run: No such file or directory'],
  [
    'PROGRAM_MISSING',
    '/opt/app/run: error while loading shared libraries: libpq.so.5: cannot open shared object file: No such file or directory',
  ],
  ['PROGRAM_MISSING', "Error: Cannot find module 'express'"],
  ['PROGRAM_MISSING', "ModuleNotFoundError: No module named 'flask'"],
  ['PROGRAM_MISSING', '/usr/bin/env: ‘node’: No such file or directory'],
  ['PROGRAM_MISSING', '/srv/app/run.sh: line 3: gunicorn: command not found'],
  ['PROGRAM_MISSING', 'Error: Unable to access jarfile /srv/app/app.jar'],
  ['PERMISSION_DENIED', "Error: EACCES: permission denied, open '/srv/app/data.db'"],
  ['PERMISSION_DENIED', "PermissionError: [Errno 13] Permission denied: '/srv/app/data.db'"],
  ['PERMISSION_DENIED', 'Error: listen EACCES: permission denied 0.0.0.0:80'],
  ['CONFIG_INVALID', 'nginx: [emerg] unknown directive "lisen" in /etc/nginx/sites-enabled/shop:3'],
  ['CONFIG_INVALID', '/etc/ssh/sshd_config: line 12: Bad configuration option: PermitRootLogn'],
  ['CONFIG_INVALID', 'AH00526: Syntax error on line 12 of /etc/apache2/sites-enabled/shop.conf:'],
  ['CONFIG_INVALID', 'FATAL:  configuration file "/etc/postgresql/15/main/postgresql.conf" contains errors'],
  ['CONFIG_INVALID', '*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***'],
  [
    'CONFIG_INVALID',
    "[ALERT]    (812) : config : parsing [/etc/haproxy/haproxy.cfg:12] : unknown keyword 'bnd' in 'frontend' section",
  ],
  ['CONFIG_INVALID', "mariadbd: unknown variable 'inodb_buffer_pool_size=1G'"],
  ['CONFIG_INVALID', 'app.service: Failed to load environment files: No such file or directory'],
  [
    'CONFIG_INVALID',
    'json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: line 3 column 1',
  ],
  ['CONFIG_INVALID', 'Error: missing required environment variable DATABASE_URL'],
]

describe('what a unit said when it failed', () => {
  for (const [cause, line] of SAYINGS)
    test(`${cause}: ${line}`, async (t) => {
      const said: Said = {
        units: [unit('app.service', 'failed', { ...EXEC, log: [START, line, ENDED] })],
        files: FILES,
      }
      for (const [name, check] of Object.entries(READERS))
        assert.deepEqual(await serious(t, check, said), name === cause ? [`${cause} app.service`] : [], name)
    })

  test('of what it said in lives before the last two, nothing is believed', async (t) => {
    const log = [
      START,
      'Error: listen EADDRINUSE: address already in use :::3000',
      ENDED,
      START,
      ENDED,
      START,
      'boom',
      ENDED,
    ]
    assert.deepEqual(await serious(t, portConflict, { units: [unit('app.service', 'failed', { ...EXEC, log })] }), [])
  })
  test('a service that runs and once had a conflict has none', async (t) => {
    const log = ['Error: listen EADDRINUSE: address already in use :::3000']
    assert.deepEqual(
      await serious(t, portConflict, {
        units: [unit('app.service', 'running', { log })],
        listeners: [listener(3000, 'app')],
      }),
      [],
    )
  })
  test('who has the port is named', async (t) => {
    const [finding] = await found(t, portConflict, {
      units: [
        unit('app.service', 'failed', {
          ...EXEC,
          log: [START, 'OSError: [Errno 98] Address already in use'],
          text: '[Service]\nExecStart=/srv/app --port 8123\n',
        }),
      ],
      listeners: [listener(8123, 'other')],
    })
    assert.match(finding?.title ?? '', /port 8123: other\.service \(other, process 8123\) has it/)
  })
})

describe('a file that a service may not use', () => {
  const line = "Error: EACCES: permission denied, open '/srv/app/secret'"
  const said = (mode: number): Said => ({
    units: [unit('app.service', 'running', { user: 'app', log: [line] })],
    files: { 'srv/app/secret': 'x' },
    modes: { 'srv/app/secret': mode },
  })
  test('is found by owner and mode', async (t) => {
    const [finding] = await found(t, permissionDenied, said(0o600))
    assert.equal(finding?.severity, 'high')
    assert.match(finding?.title ?? '', /kept from \/srv\/app\/secret: .* mode 0600: app may not read it/)
  })
  test('is forgotten when it is mended', async (t) =>
    assert.deepEqual(await serious(t, permissionDenied, said(0o644)), []))
  test('is none where a person was not let in', async (t) => {
    const log = [
      'Connection closed by authenticating user root 10.0.0.9 port 4000 [preauth]',
      'Permission denied (publickey).',
    ]
    assert.deepEqual(await serious(t, permissionDenied, { units: [unit('ssh.service', 'running', { log })] }), [])
  })
  test('a directory on the way shuts it as well', async (t) => {
    const [finding] = await found(t, permissionDenied, {
      units: [unit('app.service', 'failed', { user: 'app', log: [START, line] })],
      files: { 'srv/app/secret': 'x' },
      modes: { 'srv/app': 0o700 },
    })
    assert.match(finding?.title ?? '', /\/srv\/app is .*mode 0700: app may not enter it/)
  })
})

describe('units that do not run', () => {
  test('failed and crash-looping ones, with what their exit status means', async (t) => {
    const units = [
      unit('a.service', 'failed', {
        log: ['systemd: Started a.', 'systemd: a.service: Main process exited, code=exited, status=217/USER'],
      }),
      unit('b.service', 'looping'),
    ]
    assert.deepEqual(await serious(t, unitFailed, { units }), ['UNIT_FAILED a.service', 'UNIT_CRASH_LOOP b.service'])
    assert.match((await found(t, unitFailed, { units }))[0]?.title ?? '', /its user does not exist/)
  })
  test('one that was restarted long ago runs', async (t) =>
    assert.deepEqual(
      await serious(t, unitFailed, {
        units: [unit('a.service', 'running', { restarts: 9, since: NOW - 60 * MINUTE })],
      }),
      [],
    ))
  test('an enabled one that was stopped', async (t) => {
    const [finding] = await found(t, unitStopped, {
      units: [unit('a.service', 'stopped', { log: ['systemd: Stopped a.service.'] })],
    })
    assert.equal(finding?.cause, 'UNIT_NOT_STARTED')
    assert.match(finding?.title ?? '', /it was stopped/)
  })
  test('a disabled one only when the problem names it', async (t) => {
    const units = [unit('shop.service', 'idle', { text: '[Service]\nExecStart=/bin/true\n' })]
    assert.deepEqual(await serious(t, unitStopped, { units }), [])
    assert.deepEqual(await serious(t, unitStopped, { units, problem: 'the shop does not answer' }), [
      'UNIT_NOT_STARTED shop.service',
    ])
    assert.deepEqual(
      await serious(t, unitStopped, {
        units: [unit('shop.service', 'idle', { text: '[Service]\nType=oneshot\n' })],
        problem: 'the shop does not answer',
      }),
      [],
    )
  })
  test('a masked one that is still wanted, and not one that nobody misses', async (t) => {
    const masked = { links: { 'etc/systemd/system/a.service': '/dev/null' } }
    assert.deepEqual(await serious(t, unitMasked, { ...masked, files: { 'usr/lib/systemd/system/a.service': '' } }), [])
    const wanted = {
      links: {
        ...masked.links,
        'etc/systemd/system/multi-user.target.wants/a.service': '/usr/lib/systemd/system/a.service',
      },
    }
    assert.deepEqual(await serious(t, unitMasked, wanted), ['UNIT_MASKED a.service'])
  })
  test('the first of a chain is named', async (t) => {
    const units = [
      unit('web.service', 'stopped', {
        text: '[Unit]\nRequires=api.service\n',
        log: ['systemd: Dependency failed for web.service.'],
      }),
      unit('api.service', 'stopped', { text: '[Unit]\nRequires=db.service\n' }),
      unit('db.service', 'failed', { text: '[Service]\nExecStart=/bin/false\n' }),
    ]
    const findings = await found(t, dependencyFailed, { units })
    assert.match(
      findings.find(({ subject }) => subject === 'web.service')?.title ?? '',
      /because db\.service has failed/,
    )
    assert.deepEqual((await found(t, unitFailed, { units }))[0]?.explains.toSorted(), ['api.service', 'web.service'])
  })
  test('one that needs what runs waits for nobody', async (t) => {
    const units = [
      unit('web.service', 'stopped', { text: '[Unit]\nRequires=db.service\n' }),
      unit('db.service', 'running', { text: '[Service]\n' }),
    ]
    assert.deepEqual(await serious(t, dependencyFailed, { units }), [])
  })
})

describe('services that came too early', () => {
  const text = '[Service]\nExecStart=/usr/bin/app --data /mnt/data/db\n'
  const mount = (minutes: number) =>
    unit('mnt-data.mount', 'running', { sub: 'mounted', since: NOW - minutes * MINUTE })
  test('before their mount', async (t) => {
    const units = [unit('app.service', 'running', { text, since: NOW - 30 * MINUTE }), mount(10)]
    assert.deepEqual(await serious(t, startedTooEarly, { units }), ['STARTED_TOO_EARLY app.service'])
  })
  test('not after it', async (t) => {
    const units = [unit('app.service', 'running', { text, since: NOW - 10 * MINUTE }), mount(30)]
    assert.deepEqual(await serious(t, startedTooEarly, { units }), [])
  })
  test('before the host had the address', async (t) => {
    const said = (address: string): Said => ({
      units: [
        unit('app.service', 'failed', {
          text,
          log: [START, `nginx: [emerg] bind() to ${address}:80 failed (99: Cannot assign requested address)`],
        }),
      ],
      files: { 'proc/1/net/fib_trie': '  |-- 10.9.8.7\n     /32 host LOCAL\n' },
    })
    assert.deepEqual(await serious(t, startedTooEarly, said('10.9.8.7')), ['STARTED_TOO_EARLY app.service'])
    assert.deepEqual(await serious(t, startedTooEarly, said('10.9.8.6')), [])
  })
})

describe('errors that a configuration shows by itself', () => {
  const cases: [(text: string) => { line: number } | undefined, string, number | undefined][] = [
    [nginxFault, 'server {\n  listen 80;\n  location / { return 200 "a { b"; }\n}\n', undefined],
    [nginxFault, 'server {\n  listen 80\n  server_name a;\n}\n', 3],
    [nginxFault, 'server {\n  listen 80;\n', 1],
    [nginxFault, 'server {\n  listen 80;\n}\n}\n', 4],
    [
      nginxFault,
      'log_format main \'$remote_addr - $remote_user \'\n  \'"$request"\';\nmap $a $b { default 1; "~*x{2}" 2; }\n',
      undefined,
    ],
    [sshdFault, '# a\nPort 22\nMatch User x\n  PasswordAuthentication no\nSubsystem sftp /usr/lib/sftp\n', undefined],
    [sshdFault, 'Port 22\nPermitRootLogn no\n', 2],
    [
      sudoersFault,
      'Defaults env_reset\nroot ALL=(ALL:ALL) ALL\n%sudo ALL=(ALL) NOPASSWD: \\\n  /bin/ls\n@includedir /etc/sudoers.d\n',
      undefined,
    ],
    [sudoersFault, 'root ALL=(ALL) ALL\ndeploy ALL NOPASSWD ALL\n', 2],
    [fstabFault, 'UUID=x / ext4 defaults 0 1\n/swap none swap sw 0 0\ntmpfs /tmp tmpfs defaults\n', undefined],
    [fstabFault, 'UUID=x data ext4 defaults 0 1\n', 1],
    [unitFault, '[Unit]\nDescription=a\n[Service]\nExecStart=/bin/sh -c "a; \\\n  b"\n', undefined],
    [unitFault, '[Service]\nExecStart /bin/true\n', 2],
  ]
  for (const [check, text, line] of cases)
    test(`${check.name}: ${JSON.stringify(text).slice(0, 60)}`, () => assert.equal(check(text)?.line, line))
})
