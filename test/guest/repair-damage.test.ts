// Every damage of damage.ts, done to an installed host and healed again by each way that there is: what the doctor names, by
// an approved repair or by the pasted command (TEST_EVERY_WAY=1: each by every way). Healed is what looks, from outside, as it did before anything happened.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { DAMAGES, type Damage, type Left } from './damage.ts'
import { type Guest, startGuest, whyNoGuest } from './guest.ts'
import { changes, type Portrait, portraitOf } from './portrait.ts'
import { differences, type Snapshot, takePristineSnapshot, takeSnapshot } from './snapshot.ts'
import { createCleanup, startServedCentral } from './world.ts'

type Strategy = 'issue_driven' | 'full_convergence' | 'lane_reprovision' | 'uninstall'
type Drift = { code: string; target: string }

const CLI = '/usr/local/sbin/mttrly-agent'
/** Also where that is what was damaged. */
const DOCTOR = 'bash -c \'exec "$(readlink -f /opt/mttrly/current)/mttrly-agent" "$@"\' --'
/** From nothing, whatever is there: so that one damage that stays does not spoil the next test. */
const WIPE = `systemctl stop 'mttrly*'; rm -rf /opt/mttrly /etc/mttrly /var/lib/mttrly* /run/mttrly* ${CLI}
rm -rf /{etc,run}/systemd/system{,.control}/mttrly* /{etc,run}/systemd/system{,.control}/*.wants/mttrly*
for account in mttrly mttrly-inspect; do userdel -f $account; groupdel $account; done
systemctl daemon-reload; systemctl reset-failed`

/** By all ways it takes more than half an hour; else it is every eighth damage, by one way after the other. */
const ALL = process.env.TEST_EVERY_WAY !== undefined
const damagesThat = (left: Left): readonly Damage[] =>
  DAMAGES.filter((damage) => damage.left === left).filter((_damage, at) => ALL || at % 8 === 0)
function strategiesFor({ lane }: Damage, at: number): readonly Strategy[] {
  const ways: readonly Strategy[] = ['issue_driven', 'full_convergence', ...(lane ? ['lane_reprovision' as const] : [])]
  return ALL ? ways : ways.slice(at % ways.length).slice(0, 1)
}

describe('a damaged installation', { skip: whyNoGuest() ?? false }, () => {
  const cleanup = createCleanup()
  after(cleanup.run)
  let world: Awaited<ReturnType<typeof startServedCentral>>
  let guest: Guest
  let serverId = ''
  let pristine: Snapshot
  let whole: Portrait

  /** A tool whose work waits for a person, who approves; the end of it. */
  async function approved(tool: string, args: Record<string, unknown>): Promise<Record<string, unknown>> {
    const asked = await world.mcp.value(tool, { server_id: serverId, ...args })
    if (asked.status !== 'pending_approval') return asked
    const action_id = String(asked.action_id)
    await world.approve(action_id)
    for (;;) {
      const result = await world.mcp.value('get_action_result', { action_id, wait_s: 40 })
      if (result.status !== 'running' && result.status !== 'approved') return result
    }
  }
  const call = (command: string) => approved('execute_command', { command })

  async function assertWorks(): Promise<void> {
    const looked = await call('uptime')
    assert.equal(looked.status, 'succeeded', JSON.stringify(looked))
    const changed = await call('install -m 600 /dev/null /srv/made')
    assert.equal(changed.status, 'succeeded', JSON.stringify(changed))
  }

  /** What is not as it was, once the daemon is back. */
  async function wrong(): Promise<string[]> {
    let left: string[] = []
    for (let look = 0; look < 30; look += 1) {
      left = changes(whole, await portraitOf(guest))
      if (left.length === 0) return []
      await sleep(500)
    }
    return left
  }

  async function assertWhole(): Promise<void> {
    assert.deepEqual(await wrong(), [])
    await world.untilOnline(1)
    assert.deepEqual(
      (await world.servers()).map(({ id }) => id),
      [serverId],
    )
    await assertWorks()
    const doctor = await guest.sh(`${CLI} doctor`)
    assert.equal(doctor.code, 0, doctor.stdout + doctor.stderr)
  }

  before(async () => {
    world = await startServedCentral(cleanup)
    guest = await startGuest(cleanup)
    await guest.must('useradd visitor; groupadd docker')
    pristine = await takePristineSnapshot(guest)
    await guest.must((await world.newToken()).command)
    await world.untilOnline(1)
    serverId = (await world.servers())[0]?.id ?? ''
    await assertWorks()
    whole = await portraitOf(guest)
  })

  async function hurt(damage?: Damage): Promise<void> {
    if (changes(whole, await portraitOf(guest)).length > 0) {
      await guest.sh(WIPE)
      await guest.must((await world.newToken(serverId)).command)
      await world.untilOnline(1)
      assert.deepEqual(await wrong(), [], 'a new installation looks as the first one did')
    }
    if (damage === undefined) return
    await guest.sh(`cd -P /opt/mttrly/current\n${damage.script}`)
    assert.notDeepEqual(changes(whole, await portraitOf(guest)), [], 'it does something')
  }

  const words = (drifts: readonly Drift[]): string[] => drifts.map(({ code, target }) => `${code} ${target}`).sort()

  /** What Central is told, which is what the doctor says on the host. */
  async function health(): Promise<Drift[]> {
    let report: Record<string, unknown> = {}
    for (let look = 0; look < 60 && report.source !== 'host'; look += 1) {
      if (look > 0) await sleep(500) // its daemon was started anew and is on its way back
      report = await world.mcp.value('get_install_health', { server_id: serverId })
    }
    assert.equal(report.source, 'host', JSON.stringify(report))
    const drifts = report.drifts as Drift[]
    if (report.drifts_total === drifts.length) {
      const said: Drift[] = JSON.parse((await guest.sh(`${DOCTOR} doctor --json`)).stdout).drifts
      assert.deepEqual(words(drifts), words(said))
    }
    return drifts
  }

  /** Does as the answer says where the host is not as the plan says any more: the start of a lane mends some by itself. */
  async function repair(strategy: Strategy, drifts: readonly Drift[], tries = 3): Promise<void> {
    const issues = [...new Set(drifts.map(({ code }) => code))]
    const done = await approved('repair_install', { strategy, ...(strategy === 'issue_driven' && { issues }) })
    if (done.exit_code === 4 && tries > 1) {
      const left = await health()
      return left.length === 0 ? undefined : await repair(strategy, left, tries - 1)
    }
    assert.equal(done.status, 'succeeded', JSON.stringify(done))
  }

  async function pasted(tool: 'bootstrap_recover' | 'regenerate_install_token'): Promise<void> {
    const { status, result } = await approved(tool, {})
    assert.equal(status, 'succeeded')
    const { code, stdout, stderr } = await guest.sh((result as { command: string }).command)
    assert.equal(code, 0, stdout + stderr)
  }

  describe('is named, and healed through Central', () => {
    for (const [at, damage] of damagesThat('connected').entries())
      for (const strategy of strategiesFor(damage, at))
        test(`${damage.name}: ${strategy}`, async () => {
          await hurt(damage)
          const drifts = await health()
          assert.ok(
            words(drifts).some((line) => damage.named.test(line)),
            JSON.stringify(drifts),
          )
          await repair(strategy, drifts)
          await assertWhole()
        })
  })

  describe('that is connected and that no lane can mend is healed by the installer run again', () => {
    for (const damage of damagesThat('beyond-repair'))
      test(damage.name, async () => {
        await hurt(damage)
        const { code, stdout, stderr } = await guest.sh(`curl -fsSL ${world.booted.url}/install.sh | bash`)
        assert.equal(code, 0, stdout + stderr)
        await assertWhole()
      })
  })

  describe('that root does not know any more refuses the installer, and is healed by the pasted command', () => {
    for (const damage of damagesThat('stranger'))
      test(damage.name, async () => {
        await hurt(damage)
        const { code, stderr } = await guest.sh(`curl -fsSL ${world.booted.url}/install.sh | bash`)
        assert.equal(code, 2, stderr)
        await pasted('bootstrap_recover')
        await assertWhole()
      })
  })

  describe('that is cut off is healed by the pasted command, and stays the server that it was', () => {
    for (const [at, damage] of damagesThat('cut-off').entries()) {
      const tool = at % 3 === 2 ? 'regenerate_install_token' : 'bootstrap_recover'
      test(`${damage.name}: ${tool}`, async () => {
        await hurt(damage)
        await world.untilOnline(0)
        await pasted(tool)
        await assertWhole()
      })
    }
  })

  test('uninstalled by a repair, nothing of ours is left', async () => {
    await hurt()
    await repair('uninstall', [])
    await world.untilOnline(0)
    await guest.must('for i in $(seq 300); do getent passwd mttrly >/dev/null || exit 0; sleep 0.1; done; exit 1')
    await guest.must('while systemctl is-active --quiet uninstall-of-mttrly; do sleep 0.1; done')
    await guest.must('rm -rf /srv/made /srv/there /srv/version')
    const gone = await takeSnapshot(guest)
    assert.deepEqual(differences(pristine, gone), [])
    assert.deepEqual([gone.units, gone.accounts, gone.cgroups], [pristine.units, pristine.accounts, pristine.cgroups])
  })
})
