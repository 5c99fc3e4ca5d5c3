// Updates of an installed agent in a real guest: through an approved action, to versions that do not start, do not connect
// or crash later, with Central away, and with the power cut in the middle. The times are shorter than on a real host.
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { UpdateRecord } from '../../agent/installation/update-record.ts'
import { type Guest, startGuest, whyNoGuest } from './guest.ts'
import { serveVariant } from './variant.ts'
import { createCleanup, startServedCentral } from './world.ts'

const TIMES = '--stable 3 --stranded 15 --probation 60'
const RECORD = '/var/lib/mttrly-act/update.json'
const FAILS_AT_ONCE = 'process.exit(70)'
const NEVER_CONNECTS = 'if (process.argv.includes("run")) await new Promise((ok) => setTimeout(ok, 1e9))'
const CRASHES_LATER = `import { readFileSync as read } from 'node:fs'
setInterval(() => {
  try {
    const { state, since, pid } = JSON.parse(read('/run/mttrly-agent/link.json', 'utf8'))
    if (state === 'up' && pid === process.pid && Date.now() - since > 9_000) process.exit(70)
  } catch {}
}, 500).unref()`

describe('an update', { skip: whyNoGuest() ?? false }, () => {
  const cleanup = createCleanup()
  after(cleanup.run)
  let world: Awaited<ReturnType<typeof startServedCentral>>
  let guest: Guest
  let serverId = ''

  before(async () => {
    world = await startServedCentral(cleanup)
    guest = await startGuest(cleanup)
    await guest.must((await world.newToken()).command)
    await world.untilOnline(1)
    serverId = (await world.servers())[0]?.id ?? ''
    await guest.must(`echo 'MTTRLY_UPDATER="${TIMES}"' >/etc/mttrly/agent.env`)
  })

  const record = async (): Promise<UpdateRecord> =>
    JSON.parse(await guest.must(`cat ${RECORD} 2>/dev/null || echo '{}'`))
  const inUse = () => guest.must('basename $(readlink /opt/mttrly/current)')
  async function until(step: UpdateRecord['step'], withinMs = 150_000): Promise<UpdateRecord> {
    const end = Date.now() + withinMs
    for (;;) {
      const now = await record()
      if (now.step === step) return now
      if (Date.now() > end) throw new Error(`still ${JSON.stringify(now)}`)
      await sleep(100)
    }
  }
  const untilUp = (version: string) =>
    guest.must(
      `for i in $(seq 600); do grep -s '"up"' /run/mttrly-agent/link.json | grep -qF '"${version}"' && exit 0; sleep 0.1; done; exit 1`,
    )
  const begin = (version: string, manifest: string) =>
    guest.must(`systemd-run --quiet --collect mttrly-agent update --to ${version} --manifest ${manifest}`)
  const ended = () =>
    guest.must(`while systemctl list-units --plain --no-legend 'mttrly-update@*' | grep -q .; do sleep 0.2; done`)
  afterEach(ended)
  /** What the host is after each of these: a whole installation of that version, and nothing on its way. */
  async function assertWhole(version: string): Promise<void> {
    await ended()
    assert.equal(await inUse(), version)
    await untilUp(version)
    const { drifts } = JSON.parse((await guest.sh('mttrly-agent doctor --json')).stdout)
    assert.deepEqual(drifts, [])
    assert.equal(await guest.must('ls -d /opt/mttrly/.staging 2>/dev/null || true'), '')
    assert.equal(await guest.must('ls /etc/systemd/system/multi-user.target.wants | grep update || true'), '')
  }

  test('is refused where the host is held at a version, and where it is not root', async () => {
    const manifest = await serveVariant(world.releases, '1.1.0')
    const asked = `mttrly-agent update --to 1.1.0 --manifest ${manifest}`
    await guest.must('cp -p /etc/mttrly/policy.yaml /root/; echo "pinned_version: 1.0.0" >>/etc/mttrly/policy.yaml')
    const pinned = await guest.sh(asked)
    assert.deepEqual([pinned.code, /allows 1\.0\.0 alone/.test(pinned.stdout)], [4, true], pinned.stdout)
    await guest.must('cp -p /root/policy.yaml /etc/mttrly/policy.yaml')
    const nobody = await guest.sh(`setpriv --reuid nobody --clear-groups ${asked}`)
    assert.deepEqual([nobody.code, /by root/.test(nobody.stdout)], [4, true], nobody.stdout)
    const other = await guest.sh(`mttrly-agent update --to 1.1.0 --manifest ${'0'.repeat(64)}`)
    assert.deepEqual([other.code, /another manifest/.test(other.stdout)], [4, true], other.stdout)
    await assertWhole('1.0.0')
    assert.equal(await guest.must('ls /opt/mttrly/versions'), '1.0.0')
  })

  test('is an approved action like any other, whose outcome survives the restart of the agent', async () => {
    const manifest = await serveVariant(world.releases, '1.1.0')
    const command = `/usr/local/sbin/mttrly-agent update --to 1.1.0 --manifest ${manifest}`
    const asked = await world.mcp.value('execute_command', { server_id: serverId, command, timeout_ms: 240_000 })
    await world.approve(String(asked.action_id))
    let done: Record<string, unknown> = {}
    for (let look = 0; look < 6 && !['succeeded', 'failed'].includes(String(done.status)); look += 1)
      done = await world.mcp.value('get_action_result', { action_id: asked.action_id, wait_s: 40 })
    assert.equal(done.status, 'succeeded', JSON.stringify(done))
    assert.match(JSON.stringify(done), /updated to 1\.1\.0/)
    await until('done')
    await assertWhole('1.1.0')
    assert.equal((await world.servers())[0]?.agentVersion, '1.1.0')
    assert.equal(await guest.must('ls /opt/mttrly/versions'), '1.0.0\n1.1.0')
    const again = await guest.sh(`mttrly-agent update --to 1.1.0 --manifest ${manifest}`)
    assert.deepEqual([again.code, /in use already/.test(again.stdout)], [0, true])
  })

  for (const [name, [version, change, why]] of Object.entries({
    'does not start': ['1.2.0', FAILS_AT_ONCE, /started again 3 times/],
    'runs and does not connect, though Central answers,': ['1.3.0', NEVER_CONNECTS, /though Central answers/],
  } as const))
    test(`to a version that ${name} goes back`, async () => {
      const manifest = await serveVariant(world.releases, version, change)
      const { code, stdout } = await guest.sh(`mttrly-agent update --to ${version} --manifest ${manifest}`)
      assert.equal(code, 7, stdout)
      assert.match(stdout, why)
      await assertWhole('1.1.0')
      assert.equal(await guest.must('ls /opt/mttrly/versions'), '1.0.0\n1.1.0')
    })

  test('to a version that crashes later goes back, too', async () => {
    const manifest = await serveVariant(world.releases, '1.4.0', CRASHES_LATER)
    const { code, stdout } = await guest.sh(`mttrly-agent update --to 1.4.0 --manifest ${manifest}`)
    assert.equal(code, 0, stdout)
    assert.match(stdout, /updated to 1\.4\.0; it is watched/)
    assert.match((await until('rolled_back')).why ?? '', /started again 3 times/)
    await assertWhole('1.1.0')
  })

  test('with the power cut after the switch goes on at the next start', async () => {
    await begin('1.5.0', await serveVariant(world.releases, '1.5.0'))
    await until('trying')
    await guest.cut()
    await guest.start()
    assert.equal((await until('done')).found, 1)
    await assertWhole('1.5.0')
  })

  test('with the power cut before the switch is given up', async () => {
    await begin('1.6.0', await serveVariant(world.releases, '1.6.0'))
    await until('staging')
    await guest.cut()
    await guest.start()
    await until('abandoned')
    await assertWhole('1.5.0')
  })

  test('is not taken back because Central is away, and is good when it is there again', async () => {
    await begin('1.7.0', await serveVariant(world.releases, '1.7.0'))
    await until('switching')
    await world.booted.central.stop()
    const waiting = await until('trying')
    await sleep(30_000) // twice what a version may be unconnected while Central answers
    const still = await record()
    assert.deepEqual([still.step, still.centralAway, await inUse()], ['trying', true, '1.7.0'], JSON.stringify(waiting))
    // The agent may pause for a minute between two attempts: the usual time from here on. A killed updater goes on.
    await guest.must(`echo 'MTTRLY_UPDATER="--stable 3 --probation 10"' >/etc/mttrly/agent.env`)
    await guest.must(`systemctl kill --signal=KILL 'mttrly-update@*'`)
    await world.booted.restart()
    assert.equal((await until('done', 240_000)).found, 1)
    await assertWhole('1.7.0')
  })
})
