// The lanes of an installed agent, under attack in a real systemd guest. No classifier looks at the lines: each attack
// works outside and changes nothing from inside. And the daemon's own account, taken over, gets no more than its tables.
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { collect, outcomeOf } from '../helpers/lane.ts'
import type { Person } from '../helpers/person.ts'
import { type Guest, startGuest, whyNoGuest } from './guest.ts'
import { asAccount, lanesOf, saying } from './lanes.ts'
import { createCleanup, startServedCentral } from './world.ts'

const why = whyNoGuest()
const perl = (source: string): string => `perl -MSocket -e '${source}'`
const PORT = 47_811

/** Listens in every way that a host's services do, and counts who comes. */
const LISTENER = `
const net = require('node:net'), fs = require('node:fs')
const count = (s) => { fs.appendFileSync('/srv/contacts', 'x'); s.destroy() }
net.createServer(count).listen(${PORT}, '127.0.0.1')
net.createServer(count).listen('/srv/open/socket', () => fs.chmodSync('/srv/open/socket', 0o777))
net.createServer(count).listen('\\0mttrly-escape')
`

describe('the lanes of an installed agent', { skip: why ?? false }, () => {
  let world: Awaited<ReturnType<typeof startServedCentral>>
  let guest: Guest
  let lanes: ReturnType<typeof lanesOf>
  let approver: Person
  let victim = ''

  const cleanup = createCleanup()
  after(cleanup.run)
  before(async () => {
    world = await startServedCentral(cleanup)
    guest = await startGuest(cleanup)
    const { command } = await world.newToken()
    await guest.must(command)
    await world.untilOnline(1)
    approver = await world.booted.member('approver', 'approver')
    await approver.signIn()
    lanes = lanesOf(guest)
    cleanup.after(() => lanes.lanes.stop())
    await guest.must('mkdir -m 777 /srv/open; echo before >/srv/open/file; chmod 666 /srv/open/file; : >/srv/contacts')
    await guest.must('cat >/srv/listener.cjs', LISTENER)
    await guest.must('systemd-run --unit=listener /opt/mttrly/current/node /srv/listener.cjs')
    await guest.must('systemd-run --unit=victim -E OPENLY=told-to-nobody /bin/sleep 10000')
    victim = await guest.must('systemctl show -P MainPID victim')
  })

  const inside = async (line: string): Promise<string> => {
    const { text, isolation, state } = await lanes.read(line)
    assert.equal(isolation, 'ISOLATION_SYSTEMD')
    assert.notEqual(state, 'RUN_STATE_NOT_STARTED')
    return text
  }
  const outside = async (line: string): Promise<string> => (await guest.sh(line)).stdout

  test('Central is told that they are units, and that the read lane contains', async () => {
    const [server] = await world.servers()
    assert.deepEqual(server?.lanes, [
      { name: 'read', isolation: 'systemd' },
      { name: 'inspect', isolation: 'systemd' },
      { name: 'docker', isolation: 'systemd' },
      { name: 'act', isolation: 'systemd' },
    ])
  })

  describe('the read lane cannot write', () => {
    for (const place of [
      '/tmp',
      '/var/tmp',
      '/dev/shm',
      '/run/lock',
      '/run/mttrly-agent',
      '/dev/hugepages',
      '/dev/mqueue',
    ])
      test(`into ${place}`, async () => {
        const file = `${place}/escaped`
        await inside(`echo x > ${file}; mkdir ${file}.d; ln -s / ${file}.l`)
        assert.equal(await outside(`ls -d ${file}*`), '')
        assert.equal(await outside(`echo x > ${file}; ls ${file}; rm ${file}`), `${file}\n`)
      })
    const changes: Record<string, string> = {
      'over a file that all may write': 'echo x > FILE',
      'at its end': 'echo x >> FILE',
      'by truncating': 'truncate -s 0 FILE',
      'through /proc/self/root': 'echo x > /proc/self/root/FILE',
      'by removing it': 'rm -f FILE',
      'by renaming it': 'mv FILE FILE.other',
      'by its mode': 'chmod 600 FILE',
    }
    for (const [name, change] of Object.entries(changes))
      test(name, async () => {
        await inside(change.replaceAll('FILE', '/srv/open/file'))
        assert.equal(await guest.must('cat /srv/open/file; stat -c %a /srv/open/file'), 'before\n666')
        await guest.must('echo before >/srv/open/other; chmod 666 /srv/open/other')
        const state = 'cat /srv/open/other; stat -c %a /srv/open/other'
        assert.notEqual(await outside(`${change.replaceAll('FILE', '/srv/open/other')}; ${state}`), 'before\n666\n')
      })
    test('by way of other processes, mounts or namespaces', async () => {
      await inside(
        `echo x > /proc/${victim}/root/srv/open/file; echo x > /proc/1/root/srv/open/file; mount -o remount,bind,rw /; umount -l /srv; unshare -Urm sh -c "mount -o remount,bind,rw /; echo x > /srv/open/file"; nsenter -t 1 -m sh -c "echo x > /srv/open/file"`,
      )
      assert.equal(await guest.must('cat /srv/open/file'), 'before')
    })
  })

  describe('the read lane cannot reach', () => {
    const reach: Record<string, string> = {
      'a TCP port': `exec 3<>/dev/tcp/127.0.0.1/${PORT}`,
      'a unix socket': perl('socket(S,AF_UNIX,SOCK_STREAM,0) and connect(S,sockaddr_un("/srv/open/socket"))'),
      'an abstract socket': perl(
        'socket(S,AF_UNIX,SOCK_STREAM,0) and connect(S,pack("Sa*",AF_UNIX,"\\0mttrly-escape"))',
      ),
    }
    for (const [name, line] of Object.entries(reach))
      test(name, async () => {
        const contacts = async () => Number(await guest.must('stat -c %s /srv/contacts'))
        const were = await contacts()
        await inside(line)
        await guest.sh(line)
        while ((await contacts()) === were) await sleep(50)
        assert.equal(await contacts(), were + 1, 'outside it is possible, and that was the only contact')
      })
    test('anything by any family of sockets, but netlink to look with', async () => {
      const line = perl('for my $f (0..45) { for my $t (1,2,3,5) { print "$f/$t\\n" if socket(S,$f,$t,0) } }')
      assert.equal(await inside(line), '16/2\n16/3\n')
      assert.match(await outside(line), /^1\/1$/m)
    })
    test('anything by a datagram pair, io_uring or another process’s descriptors', async () => {
      const pair = perl('print socketpair(A,B,AF_UNIX,SOCK_DGRAM,0) ? "pair" : "none"')
      assert.deepEqual([await inside(pair), await outside(pair)], ['none', 'pair'])
      const calls = perl(
        'print join ",", map { syscall(@$_) } [425,1,0],[438,1,0,0],[310,$$,0,0,0,0,0],[311,$$,0,0,0,0,0]',
      )
      assert.equal(await inside(calls), '-1,-1,-1,-1')
    })
    test('shared memory, semaphores or queues of the host', async () => {
      const made = perl('print join " ", shmget(4711, 64, 01666), semget(4711, 1, 01666), msgget(4711, 01666)')
      const [memory, semaphore, queue] = (await outside(made)).split(' ').map(Number)
      const attack = perl(`$buffer = "";
        $got .= "m" if shmread(${memory}, $buffer, 0, 1);
        $got .= "s" if semctl(${semaphore}, 0, 16, 1);
        $got .= "q" if msgsnd(${queue}, pack("l! a", 1, "x"), 2048);
        print $got || "none"`)
      assert.equal(await outside(attack), 'msq', 'the attack must work where nothing is in its way')
      assert.equal(await inside(attack), 'none')
    })
    test('the bus, the manager, the journal, the resolver or the doors of the lanes', async () => {
      const lines: Record<string, RegExp> = {
        'busctl --system list 2>&1': /org\.freedesktop/,
        'systemctl stop victim 2>&1; systemctl is-active victim 2>&1': /^active$/m,
        'getent hosts example.org': /example\.org/,
        'ls /run/mttrly/ /run/dbus/': /sock/,
      }
      for (const [line, reached] of Object.entries(lines)) assert.doesNotMatch(await inside(line), reached, line)
      await inside('logger escaped-into-the-journal; systemd-cat echo escaped-into-the-journal')
      assert.equal(await outside('journalctl --no-pager -q -t logger -t cat --since -1min | grep escaped-into'), '')
      assert.match(await outside('busctl --system list'), /org\.freedesktop/)
      assert.equal(await guest.must('systemctl is-active victim'), 'active')
    })
    test('but it sees the network of the host', async () => {
      assert.match(await inside('ss -tlnH'), new RegExp(`127\\.0\\.0\\.1:${PORT}`))
    })
  })

  describe('other processes', () => {
    test('are seen, and neither signalled nor traced nor read', async () => {
      const output = await inside(
        `kill -9 ${victim}; kill -0 1 && echo signalled; kill -9 $(pgrep -f agent.mjs); cat /proc/${victim}/environ /proc/${victim}/mem; ls /proc/${victim}/fd /proc/${victim}/root/; ` +
          perl(`print "traced" if syscall(101,16,${victim},0,0) == 0`),
      )
      assert.doesNotMatch(output, /told-to-nobody|traced|signalled/)
      assert.match(await inside(`ps -o args= -p ${victim}`), /sleep 10000/)
      assert.equal(await guest.must('systemctl is-active victim mttrly-agent'), 'active\nactive')
      assert.match(await outside(`cat /proc/${victim}/environ`), /told-to-nobody/)
    })
    test('of a run end with it, however they were started, and are named', async () => {
      const { detail } = await lanes.read(
        'env -i setsid sleep 7071 >/dev/null 2>&1 & (setsid nohup sleep 7072 >/dev/null 2>&1 &); sleep 0.3',
      )
      assert.match(detail, /sleep 7071/)
      assert.equal(await outside('ps -eo args= | grep "^sleep 707"'), '')
    })
    test('of one run are out of reach of the next', async () => {
      const long = lanes.lanes.read(
        { id: 'long', line: 'echo $$; sleep 3; echo survived', timeoutMs: 20_000 },
        collect(),
      )
      await sleep(500)
      await inside('for p in $(pgrep -f survived); do [ $p = $$ ] || kill -9 $p; done')
      assert.equal(outcomeOf(await long).state, 'RUN_STATE_EXITED')
    })
  })

  describe('the read lane has no privileges', () => {
    test('and gains none', async () => {
      const status = await inside('id -u; grep -E "^(Cap|NoNewPrivs|Seccomp:)" /proc/self/status')
      assert.doesNotMatch(status, /^0$/m)
      assert.doesNotMatch(status, /^Cap\w+:\s*\d*[1-9a-f]/m)
      assert.match(status, /^NoNewPrivs:\s1$/m)
      assert.match(status, /^Seccomp:\s2$/m)
      assert.doesNotMatch(
        await inside('su -c "id -u" root </dev/null; mount -t tmpfs x /mnt && echo mounted'),
        /^0$|mounted/m,
      )
    })
    test('and sees no secret', async () => {
      const output = await inside(
        'cat /etc/shadow /etc/gshadow /var/lib/mttrly/* /var/lib/mttrly-act/*; ls -A /root /home /var/lib/mttrly /var/lib/mttrly-act; dmesg -C && echo cleared; hostname escaped && echo renamed',
      )
      assert.doesNotMatch(output, /root:\*|root:[!$]|BEGIN|trust\.json|identity\.json|cleared|renamed/)
    })
    test('and stops while the host’s policy denies what its unit leaves open', async () => {
      await guest.must(
        'mkdir -p /srv/denied; echo inner >/srv/denied/file; cp /etc/mttrly/policy.yaml /root/policy.yaml; printf "denied_paths: [/srv/denied]\\n" >/etc/mttrly/policy.yaml',
      )
      const refused = await lanes.lanes.read({ id: 'x', line: 'cat /srv/denied/file', timeoutMs: 5_000 }, collect())
      assert.deepEqual(refused, {
        kind: 'refusal',
        refusal: { code: 'POLICY_DENIED', details: { reason: 'not_hidden', paths: ['/srv/denied'] } },
      })
      await guest.must('systemctl restart mttrly-lane-read.socket; sleep 1')
      await lanes.lanes.stop() // those that wait were started before
      assert.doesNotMatch(await inside('cat /srv/denied/file; ls /srv/denied'), /inner|file$/m)
      await guest.must('cp /root/policy.yaml /etc/mttrly/policy.yaml; systemctl restart mttrly-lane-read.socket')
    })
    test('and bounds', async () => {
      const bounds = await guest.must(
        'systemctl show -p TasksMax -p MemoryMax -p LimitFSIZE mttrly-lane-read@x.service',
      )
      assert.deepEqual(bounds.split('\n').sort(), ['LimitFSIZE=67108864', 'MemoryMax=1073741824', 'TasksMax=256'])
      assert.match(await inside('head -c 200000000 /dev/zero > /dev/shm/a; stat -c %s /dev/shm/a'), /^\d{1,8}$/m)
    })
  })

  describe('the account of the daemon, taken over', () => {
    before(() => lanes.pin())
    after(() => lanes.unpin())
    const act = (words: unknown) => outside(saying('/run/mttrly/act.sock', words))
    const proof = async () => (await outside('cat /srv/done')).length
    const line = { argv: ['/bin/sh', '-c', 'printf x >>/srv/done'] }

    test('runs what is granted once, and nothing else', async () => {
      const good = lanes.signed(line)
      assert.match(await act({ do: 'run', ...good }), /RUN_STATE_EXITED/)
      assert.equal(await proof(), 1)
      const foreign = generateKeyPairSync('ed25519').privateKey
      const other = lanes.signed({ ...line, argv: ['/bin/sh', '-c', 'printf y >>/srv/done'] })
      const attempts: [unknown, RegExp][] = [
        [{ do: 'run', ...good }, /grant_used/],
        [{ do: 'run', ...lanes.signed(line, foreign) }, /grant_signature/],
        [{ do: 'run', ...good, grant: other.grant }, /grant_signature/],
        [{ do: 'run', ...lanes.signed({ ...line, server_id: `srv_${'2'.repeat(32)}` }) }, /grant_server/],
        [{ do: 'run', ...lanes.signed({ ...line, start_before: Date.now() - 1 }) }, /start_before/],
        [{ do: 'read', id: 'x', line: 'printf z >>/srv/done', timeoutMs: 1_000 }, /^$/],
        [{ do: 'forget', grants: [good.grant] }, /forgotten/],
        [{ do: 'run', ...good }, /grant_used/],
      ]
      for (const [words, answer] of attempts) assert.match(await act(words), answer)
      assert.equal(await proof(), 1)
    })
    test('reads and changes nothing that the act lane believes or remembers', async () => {
      const lines = [
        'cat /var/lib/mttrly-act/*',
        'ls /var/lib/mttrly-act',
        'echo x >/var/lib/mttrly-act/trust.json',
        'echo x >/etc/mttrly/policy.yaml',
        'echo x >/opt/mttrly/current/lane.mjs',
        'ln -sfn /srv /opt/mttrly/current',
        'echo x >/etc/systemd/system/mttrly-lane-act@.service',
        'mkdir /run/systemd/system/mttrly-lane-act@.service.d',
        'systemctl stop victim',
        'systemd-run true',
        'kill -9 1',
        'rm /run/mttrly/act.sock',
        `kill -9 ${victim}`,
      ]
      for (const each of lines) assert.notEqual((await guest.sh(asAccount(each))).code, 0, each)
    })
    test('and nobody else gets to a lane at all', async () => {
      for (const name of ['read', 'act']) {
        const answer = await outside(saying(`/run/mttrly/${name}.sock`, { do: 'where' }, 'nobody', 'nogroup'))
        assert.match(answer, /EACCES/, name)
      }
    })
  })

  describe('a granted run', () => {
    before(() => lanes.pin())
    after(() => lanes.unpin())
    const escapee = (seconds: number) => `(env -i setsid sleep ${seconds} >/dev/null 2>&1 &); echo on; sleep ${seconds}`

    test('ends with its whole cgroup at its time-out, and when it is cancelled', async () => {
      const words = lanes.signed({ argv: ['/bin/sh', '-c', escapee(7081)], timeout_ms: 1_000 })
      const timedOut = outcomeOf(await lanes.lanes.act('run', words, collect()))
      const cancel = new AbortController()
      const running = lanes.lanes.act('run', lanes.signed({ argv: ['/bin/sh', '-c', escapee(7082)] }), {
        signal: cancel.signal,
        onOutput: async () => cancel.abort(),
      })
      const cancelled = outcomeOf(await running)
      assert.deepEqual([timedOut.state, cancelled.state], ['RUN_STATE_TIMED_OUT', 'RUN_STATE_CANCELLED'])
      assert.deepEqual([...timedOut.survivors, ...cancelled.survivors], [])
      assert.equal(await outside('ps -eo args= | grep "^sleep 708"'), '')
    })
    test('goes on when its caller is gone, and a later one gets its outcome and its output', async () => {
      const words = lanes.signed({ argv: ['/bin/sh', '-c', 'echo one; sleep 1; echo two; exit 7'] })
      const leaving = new AbortController()
      const first = lanes.lanes.act('run', words, {
        ...collect(),
        gone: leaving.signal,
        onTaken: () => leaving.abort(),
      })
      await first
      const io = collect()
      const settled = outcomeOf(await lanes.lanes.act('settle', words, io))
      assert.deepEqual([settled.state, settled.exitCode, io.text()], ['RUN_STATE_EXITED', 7, 'one\ntwo\n'])
    })
  })

  const outcomeAfter = async (disturbance: string, name: string): Promise<void> => {
    const [server] = await world.servers()
    const command = `echo x >>/srv/${name}; sleep 4; echo y >>/srv/${name}`
    const asked = await world.mcp.value('execute_command', { server_id: server?.id ?? '', command })
    const action_id = String(asked.action_id)
    await approver.decide(action_id, 'approve')
    while ((await outside(`cat /srv/${name}`)) === '') await sleep(100)
    await guest.must(disturbance)
    let state: unknown = 'running'
    for (const end = Date.now() + 60_000; state === 'running' && Date.now() < end; await sleep(200))
      state = (await world.mcp.value('get_action_result', { action_id })).status
    assert.equal(state, 'succeeded')
    assert.equal(await guest.must(`cat /srv/${name}`), 'x\ny')
  }
  test('an approved command survives a restart of the daemon, and its outcome is picked up', () =>
    outcomeAfter('systemctl restart mttrly-agent', 'restarted'))
  test('… and kill -9 of the daemon', () => outcomeAfter('systemctl kill -s KILL mttrly-agent', 'killed'))

  test('exposure, as systemd counts it', async (t) => {
    for (const unit of ['mttrly-agent.service', 'mttrly-lane-read@x.service', 'mttrly-lane-act@x.service']) {
      const said = await guest.must(`systemd-analyze security --no-pager ${unit} | tail -1`)
      t.diagnostic(said)
      const figure = Number(/: (\d+\.\d)/.exec(said)?.[1])
      if (!unit.includes('act')) assert.ok(figure <= 2, said)
    }
  })
  test('figures', async (t) => {
    const took = async (): Promise<number> => {
      const from = performance.now()
      await inside('uptime')
      return performance.now() - from
    }
    const median = (all: number[]): string => (all.sort((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0).toFixed(1)
    const cold: number[] = []
    const waiting: number[] = []
    for (let i = 0; i < 7; i += 1) {
      await lanes.lanes.stop()
      cold.push(await took())
      await sleep(1_500)
      waiting.push(await took())
    }
    t.diagnostic(`uptime in the read lane: ${median(cold)} ms cold, ${median(waiting)} ms waiting (medians of 7)`)
  })
})
