// The read lane against lines that no classifier has looked at: each attack works outside and changes nothing inside.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { collect, type LaneHome, makeLaneHome, outcomeOf } from '../../helpers/lane.ts'

const perl = (source: string): string => `perl -MSocket -e '${source}'`

describe('nothing gets out of the read lane', () => {
  let home: LaneHome
  let victim: ChildProcess
  let open = ''
  let outside = ''
  const servers: Server[] = []
  let contacts = 0
  let port = 0

  const inside = async (line: string): Promise<string> => {
    const io = collect()
    const outcome = outcomeOf(await home.lanes.read({ id: 'escape', line, timeoutMs: 15_000 }, io))
    assert.equal(outcome.isolation, 'ISOLATION_BUBBLEWRAP')
    assert.notEqual(outcome.state, 'RUN_STATE_NOT_STARTED')
    return io.text()
  }
  const outsideToo = (line: string): string => spawnSync('/bin/bash', ['-c', line], { encoding: 'utf8' }).stdout
  const listen = (where: { path: string } | { port: number; host: string }): Promise<Server> =>
    new Promise((resolve) => {
      const server = createServer((socket) => {
        contacts += 1
        socket.destroy()
      })
      servers.push(server)
      server.listen(where, () => resolve(server))
    })
  before(async () => {
    home = makeLaneHome()
    open = join(home.root, 'open')
    mkdirSync(open)
    chmodSync(open, 0o777)
    outside = join(open, 'socket')
    writeFileSync(join(open, 'file'), 'before')
    chmodSync(join(open, 'file'), 0o666)
    const tcp = await listen({ host: '127.0.0.1', port: 0 })
    const address = tcp.address()
    port = typeof address === 'object' && address ? address.port : 0
    await listen({ path: outside })
    chmodSync(outside, 0o777)
    await listen({ path: `\0${outside}` })
    victim = spawn('/bin/sleep', ['300'], { stdio: 'ignore', env: { OPENLY: 'told-to-nobody' } })
  })
  after(async () => {
    victim.kill('SIGKILL')
    for (const server of servers) server.close()
    await home.remove()
  })

  describe('writing', () => {
    const places = ['/tmp', '/var/tmp', '/dev/shm', '/run/lock']
    for (const place of places.filter((path) => existsSync(path))) {
      it(`into ${place}`, async () => {
        const file = `${place}/mttrly-escape-${process.pid}`
        await inside(`echo x > ${file}; mkdir ${file}.d; ln -s / ${file}.l`)
        assert.deepEqual(
          [file, `${file}.d`, `${file}.l`].filter((path) => existsSync(path)),
          [],
        )
        outsideToo(`echo x > ${file}`)
        assert.ok(existsSync(file), 'it is possible outside')
        rmSync(file)
      })
    }
    const changes: Record<string, (file: string) => string> = {
      'over a file that all may write': (file) => `echo x > ${file}`,
      'at its end': (file) => `echo x >> ${file}`,
      'by truncating': (file) => `truncate -s 0 ${file}`,
      'through /proc/self/root': (file) => `echo x > /proc/self/root${file}`,
      'through the root of another process': (file) => `echo x > /proc/${process.pid}/root${file}`,
      'through a descriptor of its own': (file) => `exec 5< ${file}; echo x > /proc/self/fd/5`,
      'by dd': (file) => `dd if=/dev/zero of=${file} count=1`,
      'by removing it': (file) => `rm -f ${file}`,
      'by renaming it': (file) => `mv ${file} ${file}.other`,
      'after mounting it writable': (file) => `mount -o remount,bind,rw /; umount -l /tmp; echo x > ${file}`,
      'from a new user namespace': (file) => `unshare -Urm bash -c "mount -o remount,bind,rw /; echo x > ${file}"`,
    }
    for (const [name, line] of Object.entries(changes)) {
      it(name, async () => {
        await inside(line(join(open, 'file')))
        assert.equal(readFileSync(join(open, 'file'), 'utf8'), 'before')
      })
    }
    it('and all of these are possible outside', () => {
      const file = join(open, 'scratch')
      for (const name of [
        'over a file that all may write',
        'at its end',
        'through /proc/self/root',
        'by removing it',
      ]) {
        writeFileSync(file, 'before')
        outsideToo(changes[name]?.(file) ?? '')
        assert.notEqual(existsSync(file) && readFileSync(file, 'utf8'), 'before', name)
      }
    })
  })

  it('holding a lock that the host’s programs wait for', async () => {
    const file = join(open, 'file')
    const lock = `perl -e 'open(F, "<", "${file}"); print flock(F, 6) ? "locked" : "refused"'`
    assert.equal(outsideToo(lock), 'locked')
    assert.equal(await inside(lock), 'refused')
  })
  it('ending what an approved action has left running, by taking its id', async () => {
    const service = spawn('/bin/sleep', ['300'], {
      stdio: 'ignore',
      env: { MTTRLY_RUN: 'act_service' },
      detached: true,
    })
    try {
      const io = collect()
      const answer = await home.lanes.read({ id: 'act_service', line: 'sleep 60', timeoutMs: 300 }, io)
      assert.equal(outcomeOf(answer).state, 'RUN_STATE_TIMED_OUT')
      assert.equal(service.exitCode ?? service.signalCode, null)
    } finally {
      service.kill('SIGKILL')
    }
  })

  describe('reaching', () => {
    const reach: Record<string, () => string> = {
      'a TCP port': () => `exec 3<>/dev/tcp/127.0.0.1/${port}`,
      'a unix socket': () => perl(`socket(S,AF_UNIX,SOCK_STREAM,0) and connect(S,sockaddr_un("${outside}"))`),
      'an abstract socket': () =>
        perl(`socket(S,AF_UNIX,SOCK_STREAM,0) and connect(S,pack("Sa*",AF_UNIX,"\\0${outside}"))`),
    }
    for (const [name, line] of Object.entries(reach)) {
      it(name, async () => {
        const before = contacts
        await inside(line())
        outsideToo(line())
        while (contacts === before) await new Promise((resolve) => setImmediate(resolve))
        assert.equal(contacts, before + 1, 'outside it is possible, and that was the only contact')
      })
    }
    it('any family of sockets but those to look with', async () => {
      const families = Array.from({ length: 46 }, (_, family) => family)
      const line = perl(
        `for my $f (${families.join(',')}) { for my $t (1,2,3,5) { print "$f/$t\\n" if socket(S,$f,$t,0) } }`,
      )
      assert.deepEqual((await inside(line)).trim().split('\n'), ['16/2', '16/3'])
      assert.ok(outsideToo(line).includes('1/1\n'), 'it is possible outside')
    })
    it('a datagram pair, which could send to any path', async () => {
      const line = perl('print socketpair(A,B,AF_UNIX,SOCK_DGRAM,0) ? "pair" : "none"')
      assert.equal(await inside(line), 'none')
      assert.equal(outsideToo(line), 'pair')
    })
    it('the machine bus and the container engine', async () => {
      const output = await inside(
        'dbus-send --system --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.ListNames; curl -sS --unix-socket /var/run/docker.sock http://d/info; getent hosts example.org',
      )
      assert.doesNotMatch(output, /method return|"Containers"|example\.org$/m)
    })
  })

  describe('other processes', () => {
    it('cannot be signalled', async () => {
      const output = await inside(`kill -9 ${victim.pid}; kill -0 1; kill -9 -1; echo survived`)
      assert.equal(victim.exitCode, null)
      assert.ok(existsSync(`/proc/${victim.pid}`))
      assert.doesNotMatch(output, /^$/)
    })
    it('cannot be traced, and their memory and environment stay theirs', async () => {
      const output = await inside(
        `cat /proc/${victim.pid}/environ /proc/${victim.pid}/mem /proc/${process.pid}/environ; ls /proc/${victim.pid}/fd /proc/${victim.pid}/root/; ` +
          perl(`print "traced" if syscall(101,16,${victim.pid},0,0) == 0`),
      )
      assert.doesNotMatch(output, /told-to-nobody|traced/)
      assert.match(outsideToo(`cat /proc/${victim.pid}/environ`), /told-to-nobody/)
    })
    it('can be seen, as ps must', async () => {
      assert.match(await inside(`ps -o args= -p ${victim.pid}`), /sleep 300/)
    })
    it('do not outlive it, however they are started', async () => {
      const mark = `4${process.pid}.25`
      await inside(`setsid sleep ${mark} & (setsid nohup sleep ${mark} >/dev/null 2>&1 &); disown -a; true`)
      const left = spawnSync('/bin/ps', ['-eo', 'args='], { encoding: 'utf8' }).stdout.split('\n')
      assert.deepEqual(
        left.filter((args) => args === `sleep ${mark}`),
        [],
      )
    })
  })

  describe('privileges', () => {
    it('are nobody’s', async () => {
      const status = await inside('id -u; grep -E "^(Cap|NoNewPrivs|Seccomp:)" /proc/self/status')
      assert.doesNotMatch(status, /^0$/m)
      assert.doesNotMatch(status, /^Cap\w+:\s*\d*[1-9a-f]/m)
      assert.match(status, /^NoNewPrivs:\s1$/m)
      assert.match(status, /^Seccomp:\s2$/m)
    })
    it('are not gained by set-user-id programs', async () => {
      assert.doesNotMatch(
        await inside(
          'sudo -n id -u; su -c "id -u" root </dev/null; pkexec id -u; mount -t tmpfs x /mnt && echo mounted',
        ),
        /^0$|mounted/m,
      )
    })
    it('do not read what is secret', async () => {
      writeFileSync(join(home.dataDirectory, 'act', 'secret'), 'own-secret', { mode: 0o644 })
      const output = await inside(
        `cat /etc/shadow; head -c 1 /etc/gshadow; cat ${home.dataDirectory}/host-key ${home.dataDirectory}/act/*; ls -R ${home.dataDirectory}; dmesg -C && echo cleared; hostname escaped && echo renamed`,
      )
      assert.doesNotMatch(output, /root:|own-secret|trust\.json|cleared|renamed/)
    })
  })

  it('resources are bounded', async () => {
    const output = await inside(
      'ulimit -u; ulimit -f; ulimit -n; head -c 200000000 /dev/zero > /dev/shm/a; stat -c %s /dev/shm/a; head -c 1 /dev/zero > /dev/written && echo dev',
    )
    const [processes, blocks, files, written] = output
      .split('\n')
      .filter((line) => /^\d+$/.test(line))
      .map(Number)
    assert.ok((processes ?? 0) <= 256 && (blocks ?? 0) <= 65_536 && (files ?? 0) <= 1_024)
    assert.ok((written ?? 0) <= 64 * 1024 * 1024)
    assert.doesNotMatch(output, /^dev$/m)
  })
})
