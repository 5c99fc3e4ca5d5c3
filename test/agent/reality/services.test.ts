import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createHost } from '../../../agent/reality/host.ts'
import { parseReflog, readHead } from '../../../agent/reality/services/git.ts'
import { goVersionOf } from '../../../agent/reality/services/go-version.ts'
import { entryOf } from '../../../agent/reality/services/runtimes.ts'
import { parseCrontab, programOf } from '../../../agent/reality/services/schedules.ts'
import { parseSettings } from '../../../agent/reality/services/stores.ts'
import { parsePm2Dump, parseSupervisor, parseSupervisorLog } from '../../../agent/reality/services/supervisors.ts'
import { judgeUnit, parseShow, parseTimestamp } from '../../../agent/reality/services/systemd.ts'
import { makeTree } from './tree.ts'

const CLOCK = { bootedAt: 0, now: 3_600_000 }
const runner = async () => ({ code: 1, stdout: '' })

describe('systemd', () => {
  it('reads blocks, and joins what is said twice', () => {
    assert.deepEqual(
      parseShow(
        'Id=a.socket\nListen=1 (Stream)\nListen=2 (Stream)\n\nDescription=no id\n\nId=b.service\nDescription=x=y\n',
      ),
      [
        { Id: 'a.socket', Listen: '1 (Stream)\n2 (Stream)' },
        { Id: 'b.service', Description: 'x=y' },
      ],
    )
  })
  it('judges by the first thing that is wrong', () => {
    const state = (unit: Record<string, string>): string =>
      judgeUnit({ Id: 'x.service', LoadState: 'loaded', ...unit }, CLOCK).state
    const running = { ActiveState: 'active', SubState: 'running' }
    assert.equal(state(running), 'ok')
    assert.equal(state({ ...running, NeedDaemonReload: 'yes' }), 'degraded')
    assert.equal(state({ ...running, NRestarts: '5', ActiveEnterTimestampMonotonic: '3590000000' }), 'degraded')
    assert.equal(state({ ...running, NRestarts: '5', ActiveEnterTimestampMonotonic: '1000000' }), 'ok')
    assert.equal(state({ LoadState: 'masked', ActiveState: 'inactive' }), 'stopped')
    assert.equal(state({ LoadState: 'bad-setting', ActiveState: 'inactive' }), 'failed')
    const idle = {
      ActiveState: 'inactive',
      SubState: 'dead',
      UnitFileState: 'enabled',
      Type: 'simple',
      ConditionResult: 'yes',
    }
    assert.equal(state(idle), 'stopped')
    assert.equal(state({ ...idle, Type: 'oneshot' }), 'ok')
    assert.equal(state({ ...idle, TriggeredBy: 'x.socket' }), 'ok')
    assert.equal(state({ ...idle, ConditionResult: 'no' }), 'ok')
  })
  it('reads its time stamps', () => {
    assert.equal(parseTimestamp('Tue 2024-06-11 03:00:00 UTC'), Date.UTC(2024, 5, 11, 3))
    assert.deepEqual(['n/a', '', undefined, '0'].map(parseTimestamp), [undefined, undefined, undefined, undefined])
  })
})

describe('runtimes', () => {
  it('knows what each was told to run', () => {
    const cases: [Parameters<typeof entryOf>[0], string[], string][] = [
      ['node', ['node', '--require', './trace.js', '--max-old-space-size=512', 'server.js', '--port'], 'server.js'],
      ['python', ['/usr/bin/python3', '-u', '-m', 'uvicorn', 'app:app'], '-m uvicorn'],
      ['python', ['python3', '/usr/bin/gunicorn', 'app:wsgi'], '/usr/bin/gunicorn'],
      ['java', ['java', '-Xmx1g', '-cp', 'a.jar:b.jar', 'org.example.Main', 'x'], 'org.example.Main'],
      ['java', ['java', '-Dx=y', '-jar', '/srv/app.jar'], '/srv/app.jar'],
      ['dotnet', ['dotnet', '/srv/App.dll'], '/srv/App.dll'],
      [
        'php',
        ['php-fpm: master process (/etc/php/8.2/fpm/php-fpm.conf)'],
        'php-fpm: master process (/etc/php/8.2/fpm/php-fpm.conf)',
      ],
      ['bun', ['bun', 'run', 'index.ts'], 'index.ts'],
    ]
    for (const [name, argv, entry] of cases) assert.equal(entryOf(name, argv), entry)
  })
  it('reads the version of Go from the program', () => {
    const elf = goProgram('go1.22.4')
    const read = (bytes: Buffer) => (from: number, length: number) => bytes.subarray(from, from + length)
    assert.equal(goVersionOf(read(elf)), '1.22.4')
    assert.equal(goVersionOf(read(goProgram('rustc'))), undefined)
    assert.equal(goVersionOf(read(elf.subarray(0, 70))), undefined)
    assert.equal(goVersionOf(read(Buffer.alloc(4096, 0xff))), undefined)
  })
})

/** A header, the text of section names, the build info, and the table of the three sections. */
function goProgram(version: string): Buffer {
  const bytes = Buffer.alloc(1024)
  const names = '\0.shstrtab\0.go.buildinfo\0'
  bytes.write('\x7fELF\x02\x01', 'latin1')
  bytes.writeBigUInt64LE(512n, 40)
  bytes.writeUInt16LE(64, 58)
  bytes.writeUInt16LE(3, 60)
  bytes.writeUInt16LE(1, 62)
  bytes.write(names, 64, 'latin1')
  bytes.write('\xff Go buildinf:', 256, 'latin1')
  bytes[271] = 2
  bytes[288] = version.length
  bytes.write(version, 289, 'latin1')
  for (const [i, [name, offset, size]] of [
    [0, 0, 0],
    [1, 64, names.length],
    [11, 256, 128],
  ].entries()) {
    bytes.writeUInt32LE(name ?? 0, 512 + i * 64)
    bytes.writeBigUInt64LE(BigInt(offset ?? 0), 512 + i * 64 + 24)
    bytes.writeBigUInt64LE(BigInt(size ?? 0), 512 + i * 64 + 32)
  }
  return bytes
}

describe('settings', () => {
  it('are read in every spelling, and no others', () => {
    const text =
      "port = 5432  # changed\nlisten_addresses = 'a, b' # x\nbind 127.0.0.1 ::1\nrequirepass secret\n#port = 1\n  bindIp: 0.0.0.0\nuser www-data;\n"
    assert.deepEqual(parseSettings(text, ['port', 'listen_addresses', 'bind', 'bindIp', 'user']), {
      port: '5432',
      listen_addresses: 'a, b',
      bind: '127.0.0.1 ::1',
      bindIp: '0.0.0.0',
      user: 'www-data',
    })
  })
})

describe('cron', () => {
  it('reads jobs, and passes assignments over', () => {
    const text =
      'MAILTO=a\nTOKEN = x y z a b c\n# 1 2 3 4 5 no\n*/5 0-6 1,15 * mon-fri  backup --all\n@daily root\tclean\n-5 * * * * quiet\nnonsense here\n'
    assert.deepEqual(parseCrontab(text, { withUser: false }), [
      { line: 4, when: '*/5 0-6 1,15 * mon-fri', command: 'backup --all' },
      { line: 5, when: '@daily', command: 'root\tclean' },
      { line: 6, when: '5 * * * *', command: 'quiet' },
    ])
    assert.deepEqual(parseCrontab('1 2 3 4 5 deploy run it\n', { withUser: true }), [
      { line: 1, when: '1 2 3 4 5', user: 'deploy', command: 'run it' },
    ])
  })
  it('tells the program of a plain command alone', () => {
    assert.deepEqual(['/a/b c', 'X=1 /a/b', 'cd / && /a/b', 'a'].map(programOf), ['/a/b', '/a/b', undefined, undefined])
  })
})

describe('supervisors', () => {
  it('takes from a dump of PM2 what is no environment', () => {
    assert.deepEqual(parsePm2Dump('[{"name":"a","pm_id":0,"env":{"TOKEN":"x"},"restart_time":"often"}]'), [
      { name: 'a', pm_id: 0, restart_time: undefined },
    ])
    assert.deepEqual(['', '{', '{"name":"a"}', '[1]'].map(parsePm2Dump), [[], [], [], []])
  })
  it('reads programs, inclusions and the last word of the log', () => {
    assert.deepEqual(
      parseSupervisor(
        '[program:web]\ncommand = /srv/web --x ; note\nautostart=false\n[include]\nfiles = a/*.ini b.conf\n',
      ),
      {
        programs: [{ name: 'web', command: '/srv/web --x', autostart: false }],
        include: ['a/*.ini', 'b.conf'],
      },
    )
    const log =
      '2024-06-10 09:00:00,001 INFO success: web entered RUNNING state\n2024-06-10 09:00:03,003 WARN exited: web (exit status 1; not expected)\n'
    assert.deepEqual([...parseSupervisorLog(log)], [['web', 'exited (exit status 1; not expected)']])
  })
})

describe('git', () => {
  const commit = 'a1'.repeat(20)
  it('finds the commit of a branch, packed or loose, of a worktree, and of none', (t) => {
    const root = makeTree(t, {
      files: {
        'srv/loose/.git/HEAD': 'ref: refs/heads/feature/x\n',
        'srv/loose/.git/refs/heads/feature/x': `${commit}\n`,
        'srv/loose/.git/logs/HEAD': `${'0'.repeat(40)} ${commit} A <a@b> 1700000000 +0100\tcommit (initial): one\n`,
        'srv/loose/deep/er/x': '',
        'srv/packed/.git/HEAD': 'ref: refs/heads/main\n',
        'srv/packed/.git/packed-refs': `# pack-refs\n${commit} refs/heads/main\n`,
        'srv/detached/.git/HEAD': `${commit}\n`,
        'srv/work/.git': 'gitdir: /srv/loose/.git/worktrees/work\n',
        'srv/loose/.git/worktrees/work/HEAD': 'ref: refs/heads/feature/x\n',
        'srv/loose/.git/worktrees/work/commondir': '../..\n',
        'srv/escape/.git/HEAD': 'ref: refs/heads/../../../../etc/secret\n',
        'srv/secret/.git/HEAD': 'root:$6$abc:19000:0:99999:7:::\n',
      },
    })
    const host = createHost({ root, runner, now: 0 })
    const head = (directory: string) => readHead(host, directory)
    assert.deepEqual(head('/srv/loose/deep/er'), {
      directory: '/srv/loose',
      commit,
      branch: 'feature/x',
      at: 1_700_000_000_000,
      message: 'commit (initial): one',
    })
    assert.equal(head('/srv/packed')?.commit, commit)
    assert.deepEqual(head('/srv/detached'), { directory: '/srv/detached', commit })
    assert.equal(head('/srv/work')?.commit, commit)
    assert.deepEqual(['/srv/escape', '/srv/secret', '/srv', '/'].map(head), [
      undefined,
      undefined,
      undefined,
      undefined,
    ])
  })
  it('takes nothing from a log that is none', () => assert.equal(parseReflog('root:x:0:0\n'), undefined))
})

describe('what users own', () => {
  it('is read only where they own it', (t) => {
    const root = makeTree(t, {})
    mkdirSync(join(root, 'home'))
    writeFileSync(join(root, 'home/x'), 'text')
    const host = createHost({ root, runner, now: 0 })
    assert.equal(host.text('/home/x', 10, { ownedBy: process.getuid?.() ?? 0 }), 'text')
    assert.equal(host.text('/home/x', 10, { ownedBy: 4242 }), '')
  })
})
