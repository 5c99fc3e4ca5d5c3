// The power is cut at every step that an update writes down, on its way there and on its way back. Whatever the step: the
// next boot ends with the version before or the new one, whole and connected, and with nothing half-made beside it.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Guest, startGuest, whyNoGuest } from './guest.ts'
import { rootInside } from './lanes.ts'
import { serveVariant } from './variant.ts'
import { createCleanup, startServedCentral } from './world.ts'

const RECORD = 'var/lib/mttrly-act/update.json'
const THERE = ['requested', 'staging', 'staged', 'switching', 'trying', 'watching', 'done']
const BACK = ['requested', 'staging', 'staged', 'switching', 'trying', 'rolling_back', 'rolled_back']
const ENDS = ['done', 'rolled_back', 'abandoned']
const DOES_NOT_START = 'process.exit(70)'
/** The watch over a new version is made short: the order is looked at here, not the patience. */
const HASTE = 'MTTRLY_UPDATER="--stable 3 --stranded 15 --probation 10"'
/** Its unit is enabled as long as there is something to go on with, and ends after that. */
const UNTIL_OVER = `for i in $(seq 900); do
  ls /etc/systemd/system/*.wants/mttrly-update@* >/dev/null 2>&1 ||
    [ -n "$(systemctl list-units --no-legend --state=active,activating,deactivating 'mttrly-update@*')" ] || exit 0
  sleep 0.2
done; cat /${RECORD}; exit 1`

describe('a power cut during an update', { skip: whyNoGuest() ?? false }, () => {
  const cleanup = createCleanup()
  after(cleanup.run)
  let world: Awaited<ReturnType<typeof startServedCentral>>
  let guest: Guest
  let made = 0

  before(async () => {
    world = await startServedCentral(cleanup)
    guest = await startGuest(cleanup)
    await guest.must((await world.newToken()).command)
    await world.untilOnline(1)
    await guest.must(`echo '${HASTE}' >/etc/mttrly/agent.env`)
  })

  const recorded = (version: string): string | undefined => {
    try {
      const { step, to } = JSON.parse(readFileSync(join(guest.root, RECORD), 'utf8'))
      return to === version ? step : undefined
    } catch {
      return undefined
    }
  }

  /** Resolves at once when the update to the version is at one of the steps. */
  async function until(version: string, steps: readonly string[]): Promise<string> {
    let step: string | undefined
    for (const end = Date.now() + 240_000; Date.now() < end; await sleep(1)) {
      step = recorded(version)
      if (step !== undefined && steps.includes(step)) return step
    }
    throw new Error(`the update is at ${step}`)
  }

  const inUse = () => guest.must('basename "$(readlink -f /opt/mttrly/current)"')

  async function assertWhole(versions: readonly string[]): Promise<void> {
    await guest.must(UNTIL_OVER)
    assert.ok(ENDS.includes(JSON.parse(await guest.must(`cat /${RECORD}`)).step))
    const version = await inUse()
    assert.ok(versions.includes(version), `${version} is in use`)
    await guest.must(
      `for i in $(seq 600); do grep -s '"up"' /run/mttrly-agent/link.json | grep -qF '"${version}"' && exit 0; sleep 0.1; done; exit 1`,
    )
    await world.untilOnline(1)
    const doctor = await guest.sh('mttrly-agent doctor')
    assert.equal(doctor.code, 0, doctor.stdout + doctor.stderr)
    const lying = (await guest.must('cd /opt/mttrly; find . -mindepth 1 -maxdepth 2')).split('\n')
    const known = /^\.\/(current|versions|versions\/\d+\.\d+\.\d+|runtime|runtime\/[0-9a-f]+)$/
    assert.deepEqual(
      lying.filter((path) => !known.test(path)),
      [],
    )
    const [server] = await world.servers()
    assert.equal(server?.agentVersion, version)
    const answer = await world.mcp.value('execute_command', { server_id: server?.id, command: 'uptime' })
    assert.equal(answer.status, 'succeeded')
  }

  async function cutAt(t: TestContext, way: readonly string[], step: string): Promise<void> {
    made += 1
    const [version, before] = [`1.1.${made}`, await inUse()]
    const manifest = await serveVariant(world.releases, version, way === BACK ? DOES_NOT_START : '')
    const init = Number(rootInside(guest).split('/')[2])
    const asked = guest.sh(`mttrly-agent update --to ${version} --manifest ${manifest}`)
    // A step can be over before anybody could see it; then the one after it is where the cut falls.
    const refused = asked.then(({ code, stdout, stderr }) => {
      if (code !== 0 && code !== 7) throw new Error(`the update ended with ${code}: ${stdout}${stderr}`)
      return until(version, way.slice(way.indexOf(step)))
    })
    const at = await Promise.race([until(version, way.slice(way.indexOf(step))), refused])
    refused.catch(() => {})
    process.kill(init, 'SIGKILL')
    await guest.cut()
    await asked
    t.diagnostic(`cut at ${at}`)
    await guest.start()
    await assertWhole(way === BACK ? [before] : [before, version])
  }

  for (const step of THERE) test(`at "${step}"`, (t) => cutAt(t, THERE, step))
  for (const step of BACK.slice(BACK.indexOf('trying')))
    test(`at "${step}" of a version that does not start`, (t) => cutAt(t, BACK, step))
})
