// The inspect lane of an installed agent: what it answers, and what it withstands with its table of verbs switched off. A
// copy of its unit runs a shell in its place, once as the lane's own program and once as a verb, which has no capability.
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { collect, outcomeOf } from '../helpers/lane.ts'
import { type Guest, startGuest, whyNoGuest } from './guest.ts'
import { asAccount, lanesOf, rootInside, saying } from './lanes.ts'
import { createCleanup, startServedCentral } from './world.ts'

const UNIT = 'mttrly-lane-inspect@'
const SHELLS = {
  lane: '/bin/bash -s',
  verb: '/usr/bin/setpriv --ambient-caps=-dac_read_search -- /bin/bash -s',
} as const
type Level = keyof typeof SHELLS | 'tracer'
const LEVELS = ['lane', 'verb'] as const

const perl = (source: string): string => `perl -MSocket -e '${source}'`
/** Holds a memfd that any account may open, once it can get at it. */
const VICTIM = `my $name = "shared"; my $fd = syscall(319, $name, 0); open(my $m, "+<&=", $fd); syswrite($m, "before"); sleep 10000`

/** A copy of the unit, its socket beside it. What the host hides from the lane is hidden from the copy too. */
const copyOf = (level: Level, shell: string, more = ''): string => `
  sed 's|^ExecStart=.*|ExecStart=${shell}|; s|^StandardError=.*|StandardError=socket|; ${more}' \
    /etc/systemd/system/${UNIT}.service >/run/systemd/system/escape-${level}@.service
  cp -r /run/systemd/system/${UNIT}.service.d /run/systemd/system/escape-${level}@.service.d
  printf '[Socket]\\nListenStream=/run/escape-${level}.sock\\nAccept=yes\\n' >/run/systemd/system/escape-${level}.socket
  systemctl daemon-reload; systemctl start escape-${level}.socket`

describe('the inspect lane of an installed agent', { skip: whyNoGuest() ?? false }, () => {
  let world: Awaited<ReturnType<typeof startServedCentral>>
  let guest: Guest
  let lanes: ReturnType<typeof lanesOf>
  let root = ''
  let victim = ''

  const cleanup = createCleanup()
  after(cleanup.run)
  before(async () => {
    world = await startServedCentral(cleanup)
    guest = await startGuest(cleanup)
    await guest.must(
      'mkdir -p -m 700 /root/.ssh /etc/ssl/private; echo told-to-nobody | tee /root/.ssh/id /etc/ssl/private/key',
    )
    const { command } = await world.newToken()
    await guest.must(command)
    await world.untilOnline(1)
    lanes = lanesOf(guest)
    root = rootInside(guest)
    cleanup.after(() => lanes.lanes.stop())
    await guest.must('mkdir -m 777 /srv/open; echo before >/srv/open/file; chmod 666 /srv/open/file')
    await guest.must('echo told-to-nobody >/srv/closed; chmod 600 /srv/closed; mkfifo -m 600 /srv/closed-pipe')
    await guest.must(`cat >/srv/victim.pl`, VICTIM)
    await guest.must('systemd-run --unit=victim -E OPENLY=told-to-nobody /usr/bin/perl /srv/victim.pl')
    victim = await guest.must('systemctl show -P MainPID victim')
    assert.equal(await guest.must(`cat /proc/${victim}/fd/3`), 'before')
    for (const level of LEVELS) await guest.must(copyOf(level, SHELLS[level]))
    await guest.must(copyOf('tracer', SHELLS.lane, 's/=CAP_DAC_READ_SEARCH/& CAP_SYS_PTRACE/'))
  })

  /** A script in the copy of the unit. @returns all it printed */
  async function inside(level: Level, script: string): Promise<string> {
    const socket = connect(join(root, `run/escape-${level}.sock`))
    socket.end(`${script}\necho ran-to-its-end\n`)
    const said = await text(socket)
    assert.match(said, /ran-to-its-end\n$/, script)
    return said.replace(/ran-to-its-end\n$/, '')
  }
  const outside = async (line: string): Promise<string> => (await guest.sh(line)).stdout

  test('is announced as contained, after an attack from inside', async () => {
    const [server] = await world.servers()
    assert.deepEqual(
      server?.lanes.find(({ name }) => name === 'inspect'),
      { name: 'inspect', isolation: 'systemd' },
    )
  })

  describe('answers at once, without an approval', () => {
    for (const [command, expected] of [
      ['systemctl status mttrly-agent', /Active: active \(running\)/],
      ['systemctl list-units --failed', /loaded units listed/],
      ['systemctl show mttrly-agent -p ActiveState', /ActiveState=active/],
      ['systemctl cat mttrly-agent', /^Description=mttrly agent$/m],
      ['systemctl list-timers --all', /timers listed/],
      ['journalctl -u mttrly-agent -n 5', /connected to Central/],
    ] as const)
      test(command, async () => {
        const [server] = await world.servers()
        const answer = await world.mcp.value('execute_command', { server_id: server?.id ?? '', command })
        assert.equal(answer.status, 'succeeded', JSON.stringify(answer))
        assert.match(String(answer.output), expected)
      })
    test('and what is no verb still asks', async () => {
      const [server] = await world.servers()
      const command = 'systemctl restart victim'
      const answer = await world.mcp.value('execute_command', { server_id: server?.id ?? '', command })
      assert.equal(answer.status, 'pending_approval')
    })
  })

  test('finds what root finds of the installation', async () => {
    const health = await lanes.lanes.installation(collect())
    assert.ok(health.kind === 'outcome')
    const byRoot = JSON.parse((await guest.sh('mttrly-agent doctor --json')).stdout)
    assert.equal(health.outcome.version, '1.0.0')
    assert.ok(Number(health.outcome.certificateExpiresAt) > Date.now())
    assert.deepEqual(health.outcome.drifts, byRoot.drifts)
  })

  for (const level of LEVELS)
    describe(`as a ${level}, with the table switched off`, () => {
      test('writes nothing', async () => {
        const places =
          '/tmp /var/tmp /run /run/lock /run/mttrly-agent /etc /srv/open /var/lib/mttrly /dev/hugepages /dev/mqueue /proc/1/root/srv/open'
        await inside(level, `for d in ${places}; do echo x >$d/escaped; mkdir $d/escaped.d; ln -s / $d/escaped.l; done`)
        const prefixed = places.split(' ').map((place) => `${place}/escaped*`)
        assert.equal(await outside(`ls -d ${prefixed.join(' ')} 2>/dev/null`), '')
        await inside(
          level,
          [
            '/srv/open/file',
            '/proc/self/root/srv/open/file',
            '/proc/1/root/srv/open/file',
            `/proc/${victim}/root/srv/open/file`,
          ]
            .flatMap((file) => [`echo x >${file}`, `echo x >>${file}`, `chmod 600 ${file}`, `truncate -s 0 ${file}`])
            .concat('mv /srv/open/file /srv/open/other', 'rm -f /srv/open/file')
            .join('; '),
        )
        assert.equal(await guest.must('cat /srv/open/file; stat -c %a /srv/open/file'), 'before\n666')
        const kernel =
          '/proc/sys/kernel/printk /proc/sys/vm/swappiness /proc/sysrq-trigger /sys/kernel/mm/ksm/run /sys/power/state'
        assert.equal(await inside(level, `for f in ${kernel}; do (exec 3>>$f) 2>/dev/null && echo $f; done`), '')
        assert.equal(await inside(level, '(exec 3<>/srv/closed-pipe) 2>/dev/null && echo opened'), '')
      })
      test('fills nothing: a file gets no byte', async () => {
        assert.match(await inside(level, '(echo x >/dev/shm/file); stat -c "%s bytes" /dev/shm/file'), /^0 bytes$/m)
      })
      test('writes into no process, and looks into none', async () => {
        const said = await inside(
          level,
          `cat /proc/${victim}/environ /proc/${victim}/mem; ls /proc/${victim}/fd/ /proc/${victim}/root/srv
           for fd in /proc/${victim}/fd/3 /proc/${victim}/mem /proc/$(pgrep -f agent.mjs)/mem; do (exec 3<>$fd) && echo opened; (exec 3>>$fd) && echo opened; done`,
        )
        assert.doesNotMatch(said, /told-to-nobody|^opened$|^closed$/m)
        const calls: Record<string, string> = {
          ptrace: `101,16,${victim},0,0`,
          process_vm_readv: `310,${victim},0,0,0,0,0`,
          process_vm_writev: `311,${victim},0,0,0,0,0`,
          pidfd_getfd: `438,syscall(434,${victim},0),3,0`,
          kcmp: `312,${victim},$$,0,0,0`,
          open_by_handle_at: '304,-100,0,0',
          name_to_handle_at: '303,-100,$path,0,0,0',
          bpf: '321,0,0,0',
          perf_event_open: '298,0,0,-1,-1,0',
          userfaultfd: '323,0',
          io_uring_setup: '425,1,0',
          mount: '165,$type,$path,$type,0,0',
          unshare: '272,0x10000000',
          setns: '308,0,0',
          syslog: '103,5,0,0',
          keyctl: '250,0,0,0,0',
          reboot: '169,0,0,0,0',
        }
        const EPERM = 1
        const source = Object.entries(calls)
          .map(([name, call]) => `print "${name} \${\\($!+0)}\\n" if syscall(${call}) != -1 or $! != ${EPERM};`)
          .join(' ')
        assert.equal(await inside(level, perl(`my ($path, $type) = ("/mnt", "tmpfs"); ${source}`)), '')
        assert.equal(await guest.must(`cat /proc/${victim}/fd/3`), 'before')
      })
      test('signals nobody', async () => {
        await inside(level, `kill -9 ${victim} $(pgrep -f agent.mjs) 1; kill -0 1 && echo signalled`)
        assert.equal(await guest.must('systemctl is-active victim mttrly-agent'), 'active\nactive')
      })
      test('changes nothing over the bus', async () => {
        const login = 'busctl call org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager'
        const lines = [
          'systemctl stop victim',
          'systemctl restart mttrly-agent',
          'systemctl kill victim',
          'systemctl set-property --runtime victim MemoryMax=1M',
          'systemctl mask --runtime victim',
          'systemctl daemon-reload',
          'systemctl set-environment X=1',
          'systemctl reset-failed',
          'systemd-run true',
          'systemd-run --user true',
          `${login} PowerOff b false`,
          `${login} SetUserLinger ubb 0 true false`,
          'hostnamectl set-hostname escaped',
          'timedatectl set-time 2001-01-01',
          'loginctl terminate-user root',
        ]
        for (const line of lines)
          assert.equal(await inside(level, `timeout 20 ${line} >/dev/null 2>&1 </dev/null && echo done`), '', line)
        assert.equal(await guest.must('systemctl is-active victim mttrly-agent'), 'active\nactive')
      })
      test('opens no socket of root, and puts nothing into the journal', async () => {
        const sockets =
          '/run/systemd/private /run/systemd/journal/stdout /run/systemd/journal/socket /run/mttrly/act.sock /run/mttrly/read.sock'
        const tries = perl(
          `for (qw(${sockets})) { for my $t (1,2) { socket(S,AF_UNIX,$t,0); print "$_\\n" if connect(S,sockaddr_un($_)) } }`,
        )
        assert.equal(await inside(level, tries), '')
        assert.match(await outside(tries), /systemd\/private/)
        await inside(level, 'logger escaped-into-the-journal; systemd-cat echo escaped-into-the-journal')
        assert.equal(await outside('journalctl --no-pager -q --since -5min -t logger -t cat | grep escaped-into'), '')
      })
      test('gains no privilege', async () => {
        const status = await inside(level, 'grep -E "^(Uid|Cap|NoNewPrivs|Seccomp:)" /proc/self/status')
        const capabilities = new RegExp(`^CapEff:\\s0*${level === 'lane' ? 4 : 0}$`, 'm')
        for (const expected of [capabilities, /^NoNewPrivs:\s1$/m, /^Seccomp:\s2$/m]) assert.match(status, expected)
        assert.match(status, /^CapBnd:\s0*4$/m)
        assert.doesNotMatch(status, /^Uid:\s0\b/m)
        assert.equal(await inside(level, 'su -c "id -u" root </dev/null 2>/dev/null'), '')
      })
      test('sees no secret, by no way', async () => {
        const secrets = '/etc/shadow /etc/gshadow /root/.ssh/id /etc/ssl/private/key /var/lib/mttrly-act/host-key'
        const own = level === 'verb' ? ' /srv/closed /var/lib/mttrly/identity.json /var/lib/mttrly-act/trust.json' : ''
        const files = `${secrets}${own}`.split(' ')
        const ways = ['', '/proc/self/root', '/proc/1/root', `/proc/${victim}/root`]
        const all = files.flatMap((file) => ways.map((way) => `${way}${file}`)).concat('/proc/kcore', '/proc/kmsg')
        assert.equal(
          await inside(level, `for f in ${all.join(' ')}; do head -c 1 $f 2>/dev/null | grep -q . && echo $f; done`),
          '',
        )
        assert.match(await outside(`head -c 1 ${files[0]}`), /r/)
      })
    })

  test('with CAP_SYS_PTRACE none of that would hold', async () => {
    const said = await inside(
      'tracer',
      `cat /proc/1/root/root/.ssh/id; : >/proc/1/root/srv/open/escaped; (exec 3<>/proc/${victim}/fd/3) && echo opened`,
    )
    assert.match(said, /^told-to-nobody\nopened$/m)
    await guest.must('rm /srv/open/escaped')
  })

  describe('the daemon’s account, taken over,', () => {
    const ask = (words: unknown): Promise<string> => outside(saying('/run/mttrly/inspect.sock', words))
    test('gets verbs of the table and nothing else', async () => {
      const verb = (argv: unknown) => ({ do: 'inspect', id: 'x', argv, timeoutMs: 5_000 })
      assert.match(await ask(verb(['systemctl', 'is-active', 'victim'])), /RUN_STATE_EXITED/)
      for (const argv of [
        ['sh', '-c', 'id >/srv/open/ran'],
        ['/srv/open/systemctl', 'status'],
        ['systemctl', 'stop', 'victim'],
        ['systemctl', '-H', 'root@localhost', 'status'],
        ['journalctl', '--file=/var/lib/mttrly-act/trust.json'],
        ['journalctl', '--vacuum-size=1K'],
        ['docker', 'ps'],
        ['systemctl', 'status', 'a\0b'],
        [['systemctl']],
        'systemctl status',
        { length: 1, 0: 'systemctl' },
        null,
        [],
      ])
        assert.match(await ask(verb(argv)), /not_a_verb/, JSON.stringify(argv))
      for (const words of [
        { do: 'read', id: 'x', line: 'id', timeoutMs: 1 },
        { do: 'run', grant: '', signature: '', outputFrom: 0 },
        { do: 'where' },
      ])
        assert.equal(await ask(words), '', JSON.stringify(words))
      assert.equal(await outside('ls /srv/open/ran 2>/dev/null'), '')
    })
    test('and nobody else gets there at all', async () => {
      const answer = await outside(saying('/run/mttrly/inspect.sock', { do: 'installation' }, 'nobody', 'nogroup'))
      assert.match(answer, /EACCES/)
      assert.notEqual((await guest.sh(asAccount('rm /run/mttrly/inspect.sock'))).code, 0)
    })
  })

  test('the owner of the host switches it off, and hides from it what he denies', async () => {
    const policy = '/etc/mttrly/policy.yaml'
    const cat = () =>
      lanes.lanes.inspect({ id: 'x', argv: ['systemctl', 'cat', 'denied'], timeoutMs: 20_000 }, collect())
    await guest.must(
      `cp ${policy} /root/; echo '[Service]' >/etc/systemd/system/denied.service; systemctl daemon-reload`,
    )
    assert.equal(outcomeOf(await cat()).exitCode, 0)
    await guest.must(`echo 'denied_paths: [/etc/systemd/system/denied.service]' >${policy}`)
    assert.match(JSON.stringify(await cat()), /not_hidden/)
    await guest.must('systemctl restart mttrly-lane-inspect.socket')
    for (let tries = 0; tries < 50 && JSON.stringify(await cat()).includes('not_hidden'); tries += 1) await sleep(200)
    assert.notEqual(outcomeOf(await cat()).exitCode, 0)
    await guest.must(`echo 'lanes: { inspect: false }' >${policy}`)
    assert.match(JSON.stringify(await cat()), /switched off/)
    await guest.must(`cp /root/policy.yaml ${policy}; systemctl restart mttrly-lane-inspect.socket`)
  })

  test('exposure, as systemd counts it', async (t) => {
    t.diagnostic(await guest.must(`systemd-analyze security --no-pager ${UNIT}x.service | tail -1`))
  })
})
