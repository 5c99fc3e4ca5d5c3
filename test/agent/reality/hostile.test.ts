// What a host may hold to mislead, to stall or to fill whoever reads it.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createClean } from '../../../agent/reality/clean.ts'
import { createHost, nameMatcher } from '../../../agent/reality/host.ts'
import { parseMounts } from '../../../agent/reality/kernel/mounts.ts'
import { ownerOf, parseCpuMs, parsePasswd, parseStatus } from '../../../agent/reality/kernel/processes.ts'
import { parseInetSockets, parseSockstat, parseUnixSockets } from '../../../agent/reality/kernel/sockets.ts'
import { parseApk, parseDpkg, parseRpm } from '../../../agent/reality/packages/database.ts'
import { parseAptHistory, parseDnfLog, parseDpkgLog } from '../../../agent/reality/packages/log.ts'
import { parseLocks, parseUpdatesAvailable } from '../../../agent/reality/packages/state.ts'
import { parsePackedRef, parseReflog } from '../../../agent/reality/services/git.ts'
import { goVersionOf } from '../../../agent/reality/services/go-version.ts'
import { parseCrontab } from '../../../agent/reality/services/schedules.ts'
import { parseSettings } from '../../../agent/reality/services/stores.ts'
import { parsePm2Dump, parseSupervisor, parseSupervisorLog } from '../../../agent/reality/services/supervisors.ts'
import { parseShow, parseTimestamp } from '../../../agent/reality/services/systemd.ts'
import { parseApache, sitesOfApache } from '../../../agent/reality/web/apache.ts'
import { parseCaddyfile, sitesOfCaddy } from '../../../agent/reality/web/caddy.ts'
import { parseCertificate } from '../../../agent/reality/web/certificates.ts'
import { readConfig } from '../../../agent/reality/web/directive.ts'
import { NGINX, parseNginx, sitesOfNginx } from '../../../agent/reality/web/nginx.ts'
import { makeTree, snapshotOf } from './tree.ts'

const runner = async () => ({ code: 1, stdout: '' })
const ESCAPE = '\u001b'

const PARSERS: Record<string, (text: string) => unknown> = {
  nginx: (text) => sitesOfNginx(parseNginx(text, 'x')),
  apache: (text) => sitesOfApache(parseApache(text, 'x')),
  caddy: (text) => sitesOfCaddy(parseCaddyfile(text, 'x')),
  systemd: parseShow,
  timestamp: parseTimestamp,
  mounts: parseMounts,
  passwd: parsePasswd,
  status: parseStatus,
  cpu: parseCpuMs,
  cgroup: ownerOf,
  tcp: (text) => parseInetSockets(text, 'tcp', [1, 2]),
  unix: parseUnixSockets,
  sockstat: parseSockstat,
  dpkg: parseDpkg,
  apk: parseApk,
  rpm: parseRpm,
  dpkgLog: parseDpkgLog,
  aptHistory: parseAptHistory,
  dnfLog: parseDnfLog,
  locks: parseLocks,
  updates: parseUpdatesAvailable,
  reflog: parseReflog,
  packedRef: (text) => parsePackedRef(text, 'refs/heads/main'),
  go: (text) => goVersionOf((from, length) => Buffer.from(text, 'latin1').subarray(from, from + length)),
  crontab: (text) => parseCrontab(text, { withUser: true }),
  settings: (text) => parseSettings(text, ['port']),
  pm2: parsePm2Dump,
  supervisor: parseSupervisor,
  supervisorLog: parseSupervisorLog,
  certificate: parseCertificate,
}

const WORST: Record<string, string> = {
  random: randomBytes(200_000).toString('latin1'),
  zeros: '\0'.repeat(200_000),
  blanks: ' '.repeat(200_000),
  oneLine: 'a'.repeat(200_000),
  openBraces: 'a {\n'.repeat(50_000),
  closeBraces: '}\n'.repeat(50_000),
  quotes: '"\\'.repeat(100_000),
  equals: '= '.repeat(100_000),
  numbers: '1 2 3 4 5 '.repeat(20_000),
  stanzas: 'Package: a\n\n'.repeat(20_000),
  dashes: '-----BEGIN CERTIFICATE-----'.repeat(8_000),
  variables: '${a'.repeat(60_000),
  tabs: 'P:\t'.repeat(60_000),
}

describe('parsers', () => {
  // Processor time, not the wall's: a pattern that backtracks takes minutes here, and the rest milliseconds.
  for (const [name, parse] of Object.entries(PARSERS))
    it(`${name}: nothing stalls or breaks it`, () => {
      for (const [kind, text] of Object.entries(WORST)) {
        const before = process.cpuUsage()
        assert.doesNotThrow(() => parse(text), kind)
        const { user } = process.cpuUsage(before)
        assert.ok(user < 2_000_000, `${kind} took ${user / 1000} ms of processor time`)
      }
    })
})

describe('files', () => {
  it('that include themselves, or each other without end, are read once each', (t) => {
    const root = makeTree(t, {
      files: {
        'etc/nginx/nginx.conf': 'include nginx.conf; include *.conf; http { include loop/*; server { listen 80; } }',
        'etc/nginx/a.conf': 'include b.conf;',
        'etc/nginx/b.conf': 'include a.conf; include nginx.conf;',
        ...Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`etc/nginx/loop/${i}`, 'include loop/*;'])),
      },
    })
    const config = readConfig(createHost({ root, runner, now: 0 }), '/etc/nginx/nginx.conf', NGINX, '/etc/nginx')
    assert.equal(config?.files.length, 43)
    assert.equal(sitesOfNginx(config?.directives ?? []).length, 1)
  })
  it('that are pipes, devices or directories are none', (t) => {
    const root = makeTree(t, {})
    mkdirSync(join(root, 'etc/nginx'), { recursive: true })
    assert.equal(spawnSync('mkfifo', [join(root, 'etc/nginx/nginx.conf')]).status, 0)
    const host = createHost({ root, runner, now: 0 })
    assert.deepEqual([host.text('/etc/nginx/nginx.conf'), host.text('/etc/nginx')], ['', ''])
  })
  it('are read no further than asked', (t) => {
    const root = makeTree(t, { files: { big: Buffer.alloc(3_000_000, 'x'), 'proc/small': 'abc' } })
    const host = createHost({ root, runner, now: 0 })
    assert.deepEqual(
      [host.text('/big', 1_000).length, host.tail('/big', 70_000).length, host.text('/proc/small')],
      [1_000, 70_000, 'abc'],
    )
    assert.equal(host.bytes('/big', 10, { from: 2_999_995 })?.length, 5)
  })
  it('with many stars in a pattern are matched in time', () => {
    assert.equal(nameMatcher('*a'.repeat(60))('a'.repeat(250).concat('b')), false)
  })
})

describe('text', () => {
  const clean = createClean(Buffer.alloc(32, 1))
  it('reaches nobody with what a terminal obeys', () => {
    const safe = clean(`${ESCAPE}]52;c;aGk=\u0007\u202egnp.exe\u0000\u200b`)
    assert.equal(safe, '\\u{1b}]52;c;aGk=\\u{7}\\u{202e}gnp.exe\\u{0}\\u{200b}')
  })
  it('is cut after its secrets are out, and not within a character', () => {
    const secret = `--password=${'s3cret'.repeat(20)}`
    assert.doesNotMatch(clean(`${'x'.repeat(480)} ${secret}`), /s3cret/)
    // A long secret that goes makes room for the half of one behind it.
    assert.doesNotMatch(clean(`--password=${'a1b2'.repeat(480)} --token=${'s3cret'.repeat(100)}`), /s3cret/)
    assert.equal(clean('😀'.repeat(400)).isWellFormed(), true)
  })
  it('of one process swallows nothing of the next', () => {
    assert.match(clean('-----BEGIN RSA PRIVATE KEY-----'), /redacted/)
    assert.equal(clean('node server.js --port 80'), 'node server.js --port 80')
  })
})

describe('a host that means harm', () => {
  it('is described within the bounds of the schema', async (t) => {
    const long = `x${ESCAPE}[31m${'y'.repeat(9_000)}`
    const processes = Object.fromEntries(
      Array.from({ length: 700 }, (_, i) => [
        100 + i,
        {
          name: 'node',
          argv: ['node', `${long}${i}`],
          exe: `/opt/${long.slice(2, 200)}/node`,
          cgroup: `/system.slice/${i}-${'z'.repeat(400)}.service`,
        },
      ]),
    )
    const snapshot = await snapshotOf(t, {
      processes: { 1: { name: 'init', parent: 0 }, ...processes },
      files: {
        'etc/hostname': long,
        'etc/os-release': `ID=${long}\n`,
        'etc/crontab': `* * * * * root ${long}\n`.repeat(300),
        'etc/nginx/nginx.conf': `http { ${`server { server_name ${'n '.repeat(200)}; listen 1; location / { proxy_pass http://127.0.0.1:1; } }`.repeat(500)} }`,
        'var/lib/dpkg/status': `Package: ../../etc\nStatus: install ok installed\nVersion: 1\n\nPackage: __proto__\nStatus: install ok installed\nVersion: 1\n`,
      },
    })
    assert.ok(
      (snapshot.omitted.processes ?? 0) > 0 &&
        (snapshot.omitted.runtimes ?? 0) > 0 &&
        (snapshot.omitted.sites ?? 0) > 0,
    )
    assert.ok(!JSON.stringify(snapshot).includes(ESCAPE))
    assert.ok(JSON.stringify(snapshot).length < 2_000_000)
  })
  it('is told that what a program did not say is missing', async (t) => {
    const snapshot = await snapshotOf(t, { files: { 'run/systemd/system/.keep': '' } })
    assert.deepEqual(snapshot.gaps, [{ what: 'systemctl show', why: 'ended with 1' }])
  })
  it('has a list of PM2 read where its owner wrote it, and no other', async (t) => {
    const uid = process.getuid?.() ?? 0
    const of = (owner: number) =>
      snapshotOf(t, {
        files: {
          'etc/passwd': `app:x:${owner}:${owner}::/home/app:/bin/sh\n`,
          'home/app/.pm2/dump.pm2':
            '[{"name":"chat","pm_id":0,"pm_exec_path":"/srv/chat.js","pm_cwd":"/srv","restart_time":7,"env":{"DB_PASSWORD":"hunter2hunter2"}}]',
          'home/app/.pm2/pids/chat-0.pid': '900',
        },
        processes: {
          850: { name: 'PM2 v5.3.0: God', argv: ['PM2 v5.3.0: God Daemon (/home/app/.pm2)'] },
          900: { name: 'node', argv: ['node', '/srv/chat.js'], parent: 850 },
        },
      })
    const own = await of(uid)
    assert.deepEqual(
      own.supervised.map(({ name, pids, restarts, health: { state } }) => [name, pids, restarts, state]),
      [['chat', [900], 7, 'ok']],
    )
    assert.ok(!JSON.stringify(own).includes('hunter2'))
    assert.deepEqual((await of(uid + 1)).supervised, [])
  })
})
