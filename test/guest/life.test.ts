// One server from bare to gone, in a real systemd guest: the pasted command, connected, a reboot, a repair by running the
// installer again, a daemon that is killed, and an uninstallation after which the whole tree is what it was.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Grant, signGrant } from '#proto/contract/grant.ts'
import { COMMANDS } from '../../install/approver/approver.ts'
import { type Guest, startGuest, whyNoGuest } from './guest.ts'
import { differences, type Snapshot, takePristineSnapshot, takeSnapshot } from './snapshot.ts'
import { createCleanup, startServedCentral } from './world.ts'

const why = whyNoGuest()
const PID = 'systemctl show -P MainPID mttrly-agent'

describe('a server from bare to gone', { skip: why ?? false }, () => {
  let world: Awaited<ReturnType<typeof startServedCentral>>
  let guest: Guest
  let pristine: Snapshot
  let serverId = ''
  let identity = ''
  let signedPolicy = ''

  const cleanup = createCleanup()
  after(cleanup.run)
  before(async () => {
    world = await startServedCentral(cleanup)
    guest = await startGuest(cleanup)
    pristine = await takePristineSnapshot(guest)
  })

  test('the command from the console installs it, and it is connected', async () => {
    const { command } = await world.newToken()
    const { code, stdout, stderr } = await guest.sh(command)
    assert.equal(code, 0, stdout + stderr)
    assert.match(stdout, /connected \(1\.0\.0\)/)
    await world.untilOnline(1)
    const [server] = await world.servers()
    serverId = server?.id ?? ''
    assert.equal(server?.agentVersion, '1.0.0')
    identity = await guest.must('sha256sum /var/lib/mttrly/identity.json')
  })

  test('the unit files are understood as they are written', async () => {
    // It returns 0 for keys that it does not know: what it says is what counts.
    const { stdout, stderr } = await guest.sh('systemd-analyze verify /etc/systemd/system/mttrly-*')
    assert.equal(stdout + stderr, '')
    assert.equal(await guest.must('systemctl --failed --no-legend'), '')
  })

  test('the daemon is nobody: no capability, no way to the pinned trust, no file of its own but its state', async () => {
    const status = await guest.must(`cat /proc/$(${PID})/status`)
    assert.match(status, /^CapEff:\t0000000000000000$/m)
    assert.match(status, /^CapBnd:\t0000000000000000$/m)
    assert.match(status, /^NoNewPrivs:\t1$/m)
    const asDaemon = (line: string) =>
      guest.sh(
        `setpriv --reuid mttrly --regid mttrly --clear-groups --inh-caps=-all --bounding-set=-all -- sh -c '${line}'`,
      )
    for (const path of ['trust.json', 'host-key', 'installed.json', 'release-key.pem'])
      assert.notEqual((await asDaemon(`cat /var/lib/mttrly-act/${path}`)).code, 0, path)
    assert.equal((await asDaemon('cat /var/lib/mttrly/identity.json')).code, 0)
    const written = await guest.must(
      `find / -xdev -path /proc -prune -o -path /var/lib/mttrly -prune -o -user mttrly -print; find /opt/mttrly /etc/mttrly ! -user root -print`,
    )
    assert.equal(written, '')
  })

  test('a tool call of a client reaches it and comes back', async () => {
    const { servers } = (await world.mcp.value('list_servers')) as { servers: { server_id: string; status: string }[] }
    assert.deepEqual(
      servers.map(({ server_id, status }) => [server_id, status]),
      [[serverId, 'online']],
    )
    const answer = await world.mcp.value('execute_command', { server_id: serverId, command: 'uptime' })
    assert.deepEqual([answer.status, answer.exit_code, answer.isolation], ['succeeded', 0, 'systemd'])
    assert.match(String(answer.output), /load average/)
  })

  test('a change waits for a person, and is then made by root', async () => {
    const call = { server_id: serverId, command: 'install -m 600 /dev/null /srv/made' }
    const asked = await world.mcp.value('execute_command', call)
    assert.equal(asked.status, 'pending_approval')
    assert.equal((await guest.sh('ls /srv/made')).code, 2)
    await world.approve(String(asked.action_id))
    const done = await world.mcp.value('get_action_result', { action_id: asked.action_id, wait_s: 40 })
    assert.equal(done.status, 'succeeded', JSON.stringify(done))
    assert.equal(await guest.must('stat -c "%U %a" /srv/made; rm /srv/made'), 'root 600')
  })

  test('in signed mode a code is not enough, Central’s own key neither; what an approver signed is run, once', async () => {
    const { booted, mcp } = world
    const home = mkdtempSync(join(tmpdir(), 'mttrly-approver-'))
    cleanup.after(() => rmSync(home, { recursive: true, force: true }))
    const signer = await booted.member('signer', 'approver')
    const said: string[] = []
    const terminal = { print: (line: string) => void said.push(line), ask: async () => 'yes' }
    const tool = async (verb: string, ...words: string[]) => {
      const secret = () => booted.apiKey(signer.userId)
      await COMMANDS[verb]?.run(words, { home, central: booted.url, name: 'sam' }, { ...terminal, secret })
    }
    await tool('init')
    const policy = said.join('\n').slice(said.join('\n').indexOf('approvals: signed'))
    await guest.must('cat >/etc/mttrly/policy.yaml; systemctl restart mttrly-agent', policy)
    while ((await world.servers())[0]?.approvers === null) await sleep(100)
    signedPolicy = await guest.must('sha256sum /etc/mttrly/policy.yaml')
    assert.doesNotMatch(await guest.must('mttrly-agent doctor --json || true'), /POLICY_INVALID/)

    const command = 'echo once >>/srv/signed; id -u'
    const asked = await mcp.value('execute_command', { server_id: serverId, command })
    await assert.rejects(world.approve(String(asked.action_id)), /409/)
    const grant: Grant = {
      ...{
        version: 1,
        kind: 'command',
        action_id: 'act_stolen',
        server_id: serverId,
        argv: ['/bin/touch', '/srv/signed'],
      },
      ...{ cwd: '/', env: {}, user: '', terminal: false, timeout_ms: 5_000 },
      ...{ start_before: Date.now() + 60_000, nonce: 'n'.repeat(22) },
    }
    const stolen = { ...signGrant(grant, booted.central.keys.actionKey), outputFrom: 0 }
    await assert.rejects(booted.central.relay.call(serverId, 'commands.act', stolen, { id: 'act_stolen' }), {
      code: 'POLICY_DENIED',
    })
    assert.equal((await guest.sh('ls /srv/signed')).code, 2)

    await tool('sign', String(asked.action_id))
    assert.ok(said.includes(`    | ${command}`), said.join('\n'))
    const done = await mcp.value('get_action_result', { action_id: asked.action_id, wait_s: 40 })
    assert.deepEqual([done.status, done.output, done.decided_by], ['succeeded', '0\n', signer.email])
    assert.equal(await guest.must('cat /srv/signed; rm /srv/signed'), 'once')
  })

  test('after a reboot it is connected again, as the same server', async () => {
    await guest.reboot()
    await world.untilOnline(1)
    assert.equal(await guest.must('sha256sum /var/lib/mttrly/identity.json'), identity)
  })

  test('a killed daemon is back', async () => {
    const killed = await guest.must(`${PID}; kill -9 $(${PID})`)
    await guest.must(
      `for i in $(seq 100); do p=$(${PID}); [ "$p" != 0 ] && [ "$p" != ${killed} ] && exit 0; sleep 0.1; done; exit 1`,
    )
    await guest.must(
      `for i in $(seq 300); do grep -qs '"state":"up"' /run/mttrly-agent/link.json && exit 0; sleep 0.1; done; exit 1`,
    )
  })

  test('the installer run again changes nothing, and needs no token', async () => {
    const before = await guest.must(PID)
    const { code, stdout, stderr } = await guest.sh(`curl -fsSL ${world.booted.url}/install.sh | bash`)
    assert.equal(code, 0, stdout + stderr)
    assert.equal(await guest.must('sha256sum /var/lib/mttrly/identity.json'), identity)
    assert.equal(await guest.must(PID), before, 'the daemon was not restarted')
    assert.equal((await world.servers()).length, 1)
  })

  for (const [name, damage] of Object.entries({
    'a deleted program': 'rm /opt/mttrly/current/agent.mjs',
    'a deleted version': 'rm -rf /opt/mttrly/versions',
    'a deleted runtime': 'rm -rf /opt/mttrly/runtime',
    'a deleted link': 'rm /opt/mttrly/current',
    'a changed program': 'echo damaged >>/opt/mttrly/current/lane.mjs',
    'a masked unit':
      'systemctl disable --now mttrly-agent; rm /etc/systemd/system/mttrly-agent.service; systemctl mask mttrly-agent',
    'a masked socket':
      'rm /etc/systemd/system/mttrly-lane-read.socket; systemctl mask --runtime mttrly-lane-read.socket',
    'a changed unit': 'sed -i /NoNewPrivileges/d /etc/systemd/system/mttrly-agent.service',
    'deleted units': 'systemctl stop mttrly-agent; rm /etc/systemd/system/mttrly-*; systemctl daemon-reload',
    'an opened state directory': 'chmod 0777 /var/lib/mttrly /var/lib/mttrly-act',
  })) {
    test(`the installer run again repairs ${name}`, async () => {
      await guest.must(damage)
      const { code, stdout, stderr } = await guest.sh(`curl -fsSL ${world.booted.url}/install.sh | bash`)
      assert.equal(code, 0, stdout + stderr)
      assert.equal(await guest.must('sha256sum /var/lib/mttrly/identity.json'), identity)
      assert.match(await guest.must('mttrly-agent status'), /"state":"up"/)
      assert.equal(
        await guest.must('systemctl is-active mttrly-agent mttrly-lane-read.socket mttrly-lane-act.socket | sort -u'),
        'active',
      )
      assert.equal(await guest.must('stat -c %a /var/lib/mttrly /var/lib/mttrly-act | sort -u'), '700')
      const wrong = await guest.must(
        `cd /opt/mttrly/current && sed -n 's/^{"kind":"agent","arch":"x64","path":"\\([^"]*\\)".*"sha256":"\\([^"]*\\)".*/\\2  \\1/p' manifest.json | sha256sum -c --quiet`,
      )
      assert.equal(wrong, '')
      assert.match(await guest.must('systemctl cat mttrly-agent'), /NoNewPrivileges/)
    })
  }

  test('the manifest of what was made names every path with its hash, mode and owner', async () => {
    const { paths } = JSON.parse(await guest.must('cat /var/lib/mttrly-act/installed.json')) as {
      paths: { path: string; kind: string; sha256?: string; mode: string; owner: string }[]
    }
    const made = await takeSnapshot(guest)
    const named = new Set(paths.map(({ path }) => path))
    const state =
      /^\/(var\/lib\/mttrly(-act)?|run\/mttrly(-agent)?)\/|^\/run\/mttrly|\.wants(\/mttrly-|$)|^\/usr\/local\/sbin$|^\/etc\/(passwd|group|shadow|gshadow)$|^\/(opt|run)$/
    const unnamed = differences(pristine, made)
      .map((line) => line.slice(0, line.indexOf(': ')))
      .filter((path) => !named.has(path) && !state.test(path))
    assert.deepEqual(unnamed, [])
    assert.ok(paths.every(({ kind, sha256 }) => (kind === 'f') === (sha256 !== undefined)))
  })

  async function assertGone(): Promise<void> {
    const gone = await takeSnapshot(guest)
    assert.deepEqual(differences(pristine, gone), [])
    assert.deepEqual(gone.units, pristine.units)
    assert.equal(gone.accounts, pristine.accounts)
    assert.deepEqual([gone.cgroups, gone.sockets], [[], []])
    const left = 'systemctl list-units --all --no-legend --plain "*mttrly*"; pgrep -f "[/]opt/mttrly" || true'
    assert.equal(await guest.must(left), '')
  }

  test('uninstalled on the host, nothing of ours is left', async () => {
    assert.equal(await guest.must('sha256sum /etc/mttrly/policy.yaml'), signedPolicy, 'nothing of all this changed it')
    const { code, stdout, stderr } = await guest.sh('mttrly-agent uninstall')
    assert.equal(code, 0, stdout + stderr)
    await assertGone()
    await guest.reboot()
    assert.equal(await guest.must('systemctl --failed --no-legend'), '')
  })

  test('uninstalled by an action that runs in its own lane, nothing of ours is left', async () => {
    const { code, stderr } = await guest.sh((await world.newToken()).command)
    assert.equal(code, 0, stderr)
    await world.untilOnline(1)
    const server = (await world.servers()).find(({ online }) => online)
    const asked = await world.mcp.value('execute_command', { server_id: server?.id, command: 'mttrly-agent uninstall' })
    await world.approve(String(asked.action_id))
    await world.untilOnline(0)
    await guest.must('for i in $(seq 300); do getent passwd mttrly >/dev/null || exit 0; sleep 0.1; done; exit 1')
    await guest.must('while systemctl is-active --quiet uninstall-of-mttrly; do sleep 0.1; done')
    await assertGone()
  })
})
