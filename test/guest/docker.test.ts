// The docker lane of an installed agent, with a real engine in the guest: what it tells of containers, that no secret leaves
// with it, and that neither the daemon nor whoever takes the lane's door can do more with the engine than look.
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Guest, guestLayer, startGuest, whyNoGuest } from './guest.ts'
import { asAccount, rootInside, saying } from './lanes.ts'
import { createCleanup, startServedCentral } from './world.ts'

const LAYER = `set -e
printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d
apt-get -qq update
apt-get -qq -y install --no-install-recommends docker.io busybox-static >/dev/null
rm -rf /usr/sbin/policy-rc.d /var/cache/apt/archives/*.deb
`
/** What an engine needs of nspawn. Its network is its own (PrivateNetwork=), and it makes none for its containers. */
const ARGUMENTS = ['--system-call-filter=@keyring', '--system-call-filter=bpf', '--capability=CAP_NET_ADMIN']
const ENGINE = `set -e
for c in devices cpuset; do mount -o remount,bind,rw,nosuid,nodev,noexec /sys/fs/cgroup/$c; done
mkdir -p /etc/docker /etc/systemd/system/docker.service.d /etc/systemd/system/docker.socket.d
printf '[Service]\\nPrivateNetwork=yes\\n' >/etc/systemd/system/docker.service.d/alone.conf
printf '[Socket]\\nListenStream=/run/podman/podman.sock\\n' >/etc/systemd/system/docker.socket.d/podman.conf
mkdir -m 700 /run/podman
echo '{"storage-driver":"vfs","iptables":false,"ip6tables":false,"ip-forward":false,"bridge":"none"}' >/etc/docker/daemon.json
systemctl daemon-reload; systemctl restart docker.socket docker; chmod 700 /run/podman
mkdir -p /srv/image/bin /srv/image/proc /srv/image/sys /srv/image/dev /srv/image/tmp
cp /bin/busybox /srv/image/bin; for name in sh sleep tail printf; do ln -s busybox /srv/image/bin/$name; done
tar -C /srv/image -c . | docker import --change 'ENV API_TOKEN=told-to-nobody' - shop/app:1 >/dev/null
`
const LABELS =
  '--label com.docker.compose.project=shop --label com.docker.compose.service=web --label com.docker.compose.project.config_files=/srv/shop/compose.yml'
/** On both streams, with a token, and with what a terminal would obey. */
const TALK = `printf "listening token=ghp_abcdefghijklmnopqrstuvwxyz0123456789\\n"; printf "warned \\033]0;title\\007\\n" >&2; sleep 10000`
const CONTAINERS = `set -e
run() { docker run -d --network none "$@" >/dev/null; }
run --name web ${LABELS} --restart unless-stopped -e DB_PASSWORD='told to-nobody' -e GREETING=hello shop/app:1 sh -c '${TALK}'
run --name loop --restart always shop/app:1 sh -c 'echo again; exit 3'
run --name sick --health-cmd 'echo "no database"; false' --health-interval 1s --health-retries 1 shop/app:1 sleep 10000
run --name greedy -m 16m shop/app:1 sh -c 'tail -c 64m /dev/zero'
run --name job shop/app:1 not-there 2>/dev/null || true
until docker ps | grep -q unhealthy && docker inspect greedy | grep -q '"OOMKilled": true' &&
  [ "$(docker inspect -f '{{.RestartCount}}' loop)" -ge 3 ]; do sleep 0.2; done
`
const SECRETS = /told.to-nobody|ghp_abcdefgh/

type Item = Record<string, unknown> & { health: { state: string; why: string } }

describe('the docker lane of an installed agent', { skip: whyNoGuest() ?? false }, () => {
  let world: Awaited<ReturnType<typeof startServedCentral>>
  let guest: Guest
  let server_id = ''
  let root = ''

  const cleanup = createCleanup()
  after(cleanup.run)
  before(async () => {
    world = await startServedCentral(cleanup)
    guest = await startGuest(cleanup, ARGUMENTS, await guestLayer('docker-1', LAYER))
    await guest.must(ENGINE)
    await guest.must(CONTAINERS)
    await guest.must((await world.newToken()).command)
    await world.untilOnline(1)
    server_id = (await world.servers())[0]?.id ?? ''
    root = rootInside(guest)
  })

  const command = async (line: string): Promise<string> => {
    const answer = await world.mcp.value('execute_command', { server_id, command: line })
    assert.equal(answer.status, 'succeeded', `${line}: ${JSON.stringify(answer)}`)
    return String(answer.output)
  }
  const read = (path: string) => world.mcp.value('read_file', { server_id, path })

  test('is announced, and its host as one with an engine', async () => {
    const [server] = await world.servers()
    assert.deepEqual(
      server?.lanes.find(({ name }) => name === 'docker'),
      { name: 'docker', isolation: 'systemd' },
    )
    assert.equal(server?.docker, true)
  })

  describe('answers at once, without an approval and without a secret', () => {
    for (const [line, ...expected] of [
      [
        'docker ps -a',
        /CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES/,
        /Up .* web$/m,
        /Restarting.* loop$/m,
      ],
      ['docker ps -q --filter name=web', /^[0-9a-f]{12}\n$/],
      ['docker ps --format json', /"Names":"sick"/],
      ['docker images', /shop\/app +1 /],
      [
        'docker inspect web',
        /"OOMKilled": false/,
        /GREETING=hello/,
        /DB_PASSWORD=\[redacted:password/,
        /API_TOKEN=\[redacted:/,
      ],
      ['docker image inspect shop/app:1', /"Architecture"/, /API_TOKEN=\[redacted:/],
      ['docker logs --tail 10 web', /listening token=\[redacted:/, /warned \\u\{1b\}\]0;title/],
      ['docker logs -t loop', /^\d{4}-\d\d-\d\dT\S+Z again$/m],
      ['docker top web', /PID/, /sleep 10000/],
      ['docker diff job', /^$/],
      ['docker stats --no-stream', /CPU %/, /web/],
      ['docker version', /Version: 20\.10/],
      ['docker info', /ServerVersion: 20\.10/],
      ['docker system df', /Images +1/],
      ['docker history shop/app:1', /CREATED BY/],
      ['docker network ls', /none +null/],
      ['docker volume ls', /VOLUME NAME/],
      ['docker events --since 1h --until now --filter event=oom', /container oom .*name=greedy/],
      ['docker compose ls', /shop +running\(1\) +\/srv\/shop\/compose\.yml/],
      ['docker compose -p shop ps', /web +web +shop\/app:1/],
      ['podman ps', /web$/m],
    ] as const)
      test(line, async () => {
        const output = await command(line)
        for (const pattern of expected) assert.match(output, pattern)
        assert.doesNotMatch(output, SECRETS)
      })

    test('says what the engine refused', async () => {
      const answer = await world.mcp.value('execute_command', { server_id, command: 'docker logs nobody' })
      assert.equal(answer.status, 'failed', JSON.stringify(answer))
      assert.match(String(answer.output), /Error response from daemon: No such container: nobody/)
    })
    test('and what is no look still asks', async () => {
      for (const line of ['docker restart web', 'docker exec web sh', 'docker logs -f web', 'docker ps | wc -l']) {
        const answer = await world.mcp.value('execute_command', { server_id, command: line })
        assert.equal(answer.status, 'pending_approval', line)
      }
    })
  })

  test('logs and images are read like files', async () => {
    const log = await read('docker:web')
    assert.equal(log.kind, 'docker-log')
    assert.match(String(log.content), /listening token=\[redacted:.*\]$/m)
    assert.match(String(log.content), /warned \\u\{1b\}\]0;title\\u\{7\}$/m)
    const image = await read('docker-image:shop/app:1')
    assert.match(String(image.content), /"API_TOKEN=\[redacted:/)
    assert.match(String((await read('docker-image:*')).content), /"shop\/app:1"/)
    for (const { content } of [log, image]) assert.doesNotMatch(String(content), SECRETS)
    assert.equal(await world.mcp.code('read_file', { server_id, path: 'docker:nobody' }), 'NOT_FOUND')
    assert.equal(await world.mcp.code('read_file', { server_id, path: 'docker:web/../../exec' }), 'VALIDATION_ERROR')
  })

  test('reality has every container, how it is, and the names of those that processes belong to', async () => {
    const section = async (name: string): Promise<Item[]> => {
      const answer = await world.mcp.value('get_service_reality', { server_id, section: name, limit: 200 })
      return (answer.section as { items: Item[] }).items
    }
    const containers = await section('containers')
    const of = (name: string): Item => {
      const found = containers.find((each) => each.name === name)
      assert.ok(found, `${name} is not among ${JSON.stringify(containers)}`)
      return found
    }
    assert.deepEqual(containers.map(({ name }) => name).toSorted(), ['greedy', 'job', 'loop', 'sick', 'web'])
    assert.deepEqual([of('web').health.state, of('web').project, of('web').service], ['ok', 'shop', 'web'])
    assert.match(String(of('web').imageDigest), /^sha256:/)
    assert.deepEqual([of('sick').health.state, of('loop').health.state], ['failed', 'failed'])
    assert.match(of('sick').health.why, /health check failed \d+ times/)
    assert.match(of('loop').health.why, /started again: \d+ times, the last time with exit code 3/)
    assert.ok(Number(of('loop').restarts) >= 3 && Number(of('loop').deaths) >= 3)
    assert.deepEqual([of('greedy').health.state, of('greedy').oomKilled], ['failed', true])
    assert.match(of('greedy').health.why, /memory limit of 16 MiB/)
    assert.deepEqual([of('job').health.state, of('job').state], ['failed', 'created'])
    const owners = (await section('processes')).map(({ owner }) => owner as { kind: string; name: string })
    assert.ok(
      owners.some(({ kind, name }) => kind === 'container' && name === 'web'),
      JSON.stringify(owners),
    )
    assert.ok((await section('changes')).some(({ kind, subject }) => kind === 'image' && subject === 'web'))
    assert.doesNotMatch(JSON.stringify(containers), SECRETS)
  })

  test('the diagnosis says what is wrong with each, by the tool and at the command line alike', async () => {
    type Said = { cause: string; subject: string; severity: string }
    const told = (findings: unknown): string[] =>
      (findings as Said[])
        .filter(({ cause }) => cause.startsWith('CONTAINER_'))
        .map(({ cause, subject, severity }) => `${severity} ${cause} ${subject}`)
        .sort()
    const expected = ['high CONTAINER_CRASH_LOOP loop', 'high CONTAINER_OOM greedy', 'high CONTAINER_UNHEALTHY sick']
    const problem = 'some containers are not well'
    const asked = await world.mcp.value('run_diagnostic', { server_id, problem })
    const { stdout } = await guest.sh(`mttrly-agent diagnose --json ${problem}`)
    for (const said of [told(asked.findings), told(JSON.parse(stdout).findings)])
      assert.deepEqual(
        expected.filter((each) => !said.includes(each)),
        [],
        said.join(', '),
      )
  })

  test('what stands at the door gets no further than the table', async () => {
    const ask = async (words: unknown): Promise<string> =>
      (await guest.sh(saying('/run/mttrly/docker.sock', words))).stdout
    const verb = (...argv: unknown[]) => ({ do: 'docker', id: 'x', argv, timeoutMs: 5_000 })
    for (const words of [
      verb('docker', 'exec', 'web', 'id'),
      verb('docker', 'run', 'shop/app:1'),
      verb('docker', 'inspect', '../containers/web/export'),
      verb('docker', 'logs', 'web/../../images/json'),
      verb('docker', 'top', 'web', '-o', 'environ'),
      verb('docker', ['ps']),
      verb('systemctl', 'status'),
    ])
      assert.match(await ask(words), /not_a_verb/, JSON.stringify(words))
    const question = (asked: unknown) => ({ do: 'containers', json: JSON.stringify(asked) })
    for (const asked of [
      { do: 'exec' },
      { do: 'logs', container: 'web/exec', lines: 1 },
      { do: 'image', image: 'a/../../get' },
      1,
    ])
      assert.match(await ask(question(asked)), /VALIDATION_ERROR|INTERNAL|not in the table/, JSON.stringify(asked))
    assert.equal(await ask({ do: 'read', id: 'x', line: 'id', timeoutMs: 1_000 }), '')
  })

  test('the daemon has no way of its own to the engine, and nobody else one to the lane', async () => {
    const reach = (path: string) =>
      `/opt/mttrly/current/node -e "require(\\"node:net\\").connect(\\"${path}\\").on(\\"error\\",e=>console.log(e.code)).on(\\"connect\\",()=>{console.log(\\"reached\\");process.exit()})"`
    assert.equal(await guest.must(asAccount(reach('/run/docker.sock'))), 'EACCES')
    assert.equal(await guest.must(asAccount(reach('/run/mttrly/docker.sock'), 'nobody', 'nogroup')), 'EACCES')
    assert.equal(await guest.must(asAccount(reach('/run/docker.sock'), 'mttrly-docker')), 'EACCES')
    assert.equal(await guest.must('id -Gn mttrly; id -Gn mttrly-docker'), 'mttrly\nmttrly-docker')
  })

  test('with its program taken over, it has the engine, and nothing else of the host', async () => {
    await guest.must(`
      sed 's|/opt/mttrly/current/node .* --config /etc/mttrly|/bin/bash -s|; s|^StandardError=.*|StandardError=socket|' \
        /etc/systemd/system/mttrly-lane-docker@.service >/run/systemd/system/escape@.service
      printf '[Socket]\\nListenStream=/run/escape.sock\\nAccept=yes\\n' >/run/systemd/system/escape.socket
      systemctl daemon-reload; systemctl start escape.socket; echo told-to-nobody >/srv/secret; chmod 644 /srv/secret`)
    const socket = connect(join(root, 'run/escape.sock'))
    socket.end(`
      id -un; id -Gn; grep -h '^Cap[PEA]' /proc/self/status | sort -u -k2 | cut -f2
      for d in / /tmp /var/tmp /run /etc /opt/mttrly /usr /etc/mttrly; do (echo x >$d/escaped) 2>/dev/null && echo "wrote $d"; done
      cat /srv/secret /etc/shadow /var/lib/mttrly/identity.json /proc/1/environ /proc/1/root/srv/secret 2>/dev/null
      ls -d /home/* /root/* /srv/* /var/* /etc/shadow /run/dbus /run/systemd/private /run/containerd /run/mttrly 2>/dev/null
      for n in 1 $(pgrep -f agent.mjs); do kill -9 $n 2>/dev/null && echo signalled; done
      (exec 3<>/dev/tcp/127.0.0.1/22) 2>&1 | grep -o 'Address family not supported' | head -1
      setpriv --groups 0 true 2>/dev/null && echo 'took a group'
      unshare -r true 2>/dev/null && echo 'a namespace'
      [ -w /run/docker.sock ] && echo 'the engine'
      echo ran-to-its-end\n`)
    const said = await text(socket)
    assert.deepEqual(said.trim().split('\n'), [
      'mttrly-docker',
      'mttrly-docker docker',
      '0000000000000000',
      'Address family not supported',
      'the engine',
      'ran-to-its-end',
    ])
    assert.equal((await guest.sh('systemctl is-active mttrly-agent')).stdout.trim(), 'active')
  })

  test('the owner of the host can switch it off', async () => {
    await guest.must(`cp /etc/mttrly/policy.yaml /root; echo 'lanes: { docker: false }' >/etc/mttrly/policy.yaml`)
    assert.equal(await world.mcp.code('execute_command', { server_id, command: 'docker ps' }), 'POLICY_DENIED')
    await guest.must('cp /root/policy.yaml /etc/mttrly/policy.yaml')
  })

  test('an engine that was stopped is not started by a look; where there is none, that is said', async () => {
    const code = () => world.mcp.code('execute_command', { server_id, command: 'docker ps' })
    await guest.must('systemctl stop docker.service 2>/dev/null; systemctl is-active docker.socket')
    assert.equal(await code(), 'DOCKER_NOT_AVAILABLE')
    await sleep(500)
    assert.equal((await guest.sh('systemctl is-active docker.service')).stdout.trim(), 'inactive')
    await guest.must('systemctl stop docker.socket; rm -rf /run/docker.sock /run/podman')
    assert.equal(await code(), 'DOCKER_NOT_AVAILABLE')
    assert.equal(await world.mcp.code('read_file', { server_id, path: 'docker:web' }), 'DOCKER_NOT_AVAILABLE')
  })
})
