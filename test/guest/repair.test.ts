// Health and healing in a real systemd guest: the doctor sees what was damaged, a repair by its plan mends it, and the
// pasted command of a recovery brings back what can no longer repair itself.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Drift, planRepair } from '#proto/contract/installation.ts'
import { collect } from '../helpers/lane.ts'
import { type Guest, startGuest, whyNoGuest } from './guest.ts'
import { lanesOf } from './lanes.ts'
import { createCleanup, startServedCentral } from './world.ts'

const why = whyNoGuest()
const CLI = '/usr/local/sbin/mttrly-agent'
const IN_USE = '/opt/mttrly/versions/1.0.0'
const UNITS = '/etc/systemd/system'

describe('an installation that was damaged', { skip: why ?? false }, () => {
  let world: Awaited<ReturnType<typeof startServedCentral>>
  let guest: Guest
  let serverId = ''

  const cleanup = createCleanup()
  after(cleanup.run)
  before(async () => {
    world = await startServedCentral(cleanup)
    guest = await startGuest(cleanup)
    await guest.must((await world.newToken()).command)
    await world.untilOnline(1)
    serverId = (await world.servers())[0]?.id ?? ''
  })

  const drifts = async (): Promise<Drift[]> => JSON.parse((await guest.sh(`${CLI} doctor --json`)).stdout).drifts
  const codes = async (): Promise<string[]> => [...new Set((await drifts()).map(({ code }) => code))].sort()
  const assertHealthy = async (): Promise<void> => {
    const { code, stdout, stderr } = await guest.sh(`${CLI} doctor`)
    assert.equal(code, 0, stdout + stderr)
    assert.match(stdout, /^healthy$/m)
    await world.untilOnline(1)
  }
  const planOf = async (wish: string): Promise<string> => {
    const { code, stdout, stderr } = await guest.sh(`${CLI} repair ${wish}`)
    assert.equal(code, 0, stdout + stderr)
    return /^plan ([0-9a-f]{64})$/m.exec(stdout)?.[1] ?? assert.fail(stdout)
  }
  const repair = async (wish: string): Promise<void> => {
    const { code, stdout, stderr } = await guest.sh(`${CLI} repair ${wish} --plan ${await planOf(wish)}`)
    assert.equal(code, 0, stdout + stderr)
  }

  /** As mttrly_bootstrap_recover gives it: it keeps who the host is where that can be. */
  const pasteRecovery = async (): Promise<void> => {
    await guest.sh('systemctl stop mttrly-agent')
    await world.untilOnline(0)
    const { fleet } = world.booted.central
    const { command } = await fleet.recover(world.booted.workspaceId, serverId, 'test')
    const { code, stdout, stderr } = await guest.sh(command)
    assert.equal(code, 0, stdout + stderr)
  }

  test('before that it is healthy', assertHealthy)

  const DAMAGES: [what: string, damage: string, codes: string[]][] = [
    ['a file of the release is changed', `echo '//' >>${IN_USE}/lane.mjs`, ['FILE_CHANGED']],
    ['files of the release are gone', `rm ${IN_USE}/licenses.txt ${IN_USE}/units/*.socket`, ['FILE_MISSING']],
    ['foreign files lie among ours', `mkdir ${IN_USE}/x; touch ${IN_USE}/x/y /opt/mttrly/z`, ['FILE_EXTRA']],
    ['the manifest is edited', `sed -i s/0644/0600/ ${IN_USE}/manifest.json`, ['RELEASE_UNSIGNED']],
    ['a unit is edited', `sed -i '/^NoNewPrivileges/d' ${UNITS}/mttrly-lane-read@.service`, ['UNIT_CHANGED']],
    ['a unit is gone', `rm ${UNITS}/mttrly-lane-act@.service`, ['UNIT_MISSING']],
    [
      'a unit is overridden',
      `mkdir ${UNITS}/mttrly-agent.service.d; printf '[Service]\\nUser=root\\n' >${UNITS}/mttrly-agent.service.d/x.conf`,
      ['UNIT_OVERRIDDEN'],
    ],
    ['a property is set', 'systemctl set-property mttrly-agent.service MemoryMax=1G', ['UNIT_OVERRIDDEN']],
    ['a lane is masked', `ln -sf /dev/null ${UNITS}/mttrly-lane-act@.service`, ['UNIT_MASKED']],
    [
      'a unit of no version is there',
      `cp ${UNITS}/mttrly-lane-act.socket ${UNITS}/mttrly-lane-old.socket`,
      ['UNIT_STRAY'],
    ],
    [
      'a socket is stopped and disabled',
      'systemctl disable --now mttrly-lane-act.socket',
      ['UNIT_DISABLED', 'UNIT_DOWN'],
    ],
    ['everybody may enter a lane', 'chmod 666 /run/mttrly/act.sock', ['UNIT_DOWN']],
    ['the door of a lane is gone', 'rm /run/mttrly/read.sock', ['UNIT_DOWN']],
    ['the daemon is in the group of root', 'usermod -aG root,disk -s /bin/bash mttrly', ['ACCOUNT_CHANGED']],
    [
      'the account of the inspect lane has another home, and is at work',
      `sed -i '/^mttrly-inspect:/s#/nonexistent#/root#' /etc/passwd
      systemd-run --quiet ${IN_USE}/node -e 'require("net").connect("/run/mttrly/inspect.sock").on("close", process.exit)'
      until pgrep -u mttrly-inspect >/dev/null; do sleep 0.05; done`,
      ['ACCOUNT_CHANGED'],
    ],
    ['permissions are wide open', 'chmod -R a+w /opt/mttrly /etc/mttrly; chmod 755 /var/lib/mttrly-act', ['PATH_MODE']],
    ['the state is owned by root', 'chown -R root:root /var/lib/mttrly', ['PATH_OWNER']],
    ['the act lane’s memory is owned by the daemon', 'chown -R mttrly /var/lib/mttrly-act', ['PATH_OWNER']],
    ['the configuration is gone', 'rm -r /etc/mttrly', ['PATH_MISSING']],
    ['the record is gone', 'rm /var/lib/mttrly-act/installed.json', ['RECORD_MISSING']],
  ]
  for (const [what, damage, expected] of DAMAGES)
    test(`${what}: seen, and mended`, async () => {
      await guest.must(damage)
      const seen = await codes()
      for (const code of expected) assert.ok(seen.includes(code), `${code} in ${seen}`)
      await repair(`--strategy issue_driven --issues ${seen.filter((code) => !code.startsWith('LINK_')).join(',')}`)
      await assertHealthy()
    })

  test('a plan is carried out only as it was approved', async () => {
    await guest.must(`rm ${UNITS}/mttrly-lane-act@.service`)
    const wish = '--strategy full_convergence'
    const plan = await planOf(wish)
    await guest.must('systemctl disable mttrly-lane-read.socket')
    const { code, stderr } = await guest.sh(`${CLI} repair ${wish} --plan ${plan}`)
    assert.equal(code, 4)
    assert.match(stderr, /not the plan that was approved/)
    assert.equal((await guest.sh(`ls ${UNITS}/mttrly-lane-act@.service`)).code, 2)
    await repair(wish)
    await assertHealthy()
  })

  test('files are brought only of the manifest that was approved', async () => {
    const manifest = (await guest.must(`sha256sum <${IN_USE}/manifest.json`)).split(' ')[0]
    await guest.must(`echo '//' >>${IN_USE}/lane.mjs`)
    const wish = '--strategy full_convergence'
    const carryOut = async (hash: string) =>
      guest.sh(`${CLI} repair ${wish} --plan ${await planOf(wish)} --manifest ${hash}`)
    const { code, stderr } = await carryOut('0'.repeat(64))
    assert.equal(code, 4)
    assert.match(stderr, /another manifest .* than was approved.* Nothing was changed/)
    const done = await carryOut(String(manifest))
    assert.equal(done.code, 0, done.stdout + done.stderr)
    await assertHealthy()
  })

  test('a policy that is a link is the owner’s, also where it leads nowhere', async () => {
    const policy = '/etc/mttrly/policy.yaml'
    await guest.must(
      `mv ${policy} /root/; ln -s /srv/not-mounted ${policy}; bash ${IN_USE}/converge.sh --only directories`,
    )
    assert.equal((await guest.must(`readlink ${policy}`)).trim(), '/srv/not-mounted')
    assert.ok((await codes()).includes('POLICY_INVALID'))
    await guest.must(`rm ${policy}; mv /root/policy.yaml ${policy}`)
    await assertHealthy()
  })

  test('the inspect lane finds what root finds, so that what Central has approved is the plan of the host', async () => {
    const { lanes } = lanesOf(guest)
    await guest.must(
      `echo '//' >>${IN_USE}/lane.mjs; touch ${IN_USE}/x; chmod 755 /var/lib/mttrly-act
      usermod -aG disk mttrly; systemctl set-property mttrly-agent.service MemoryMax=1G; ln -sf /dev/null ${UNITS}/mttrly-lane-act@.service
      chmod 666 /run/mttrly/act.sock; systemctl disable mttrly-lane-read.socket; rm /var/lib/mttrly-act/installed.json`,
    )
    const asked = await lanes.installation(collect())
    await lanes.stop()
    assert.ok(asked.kind === 'outcome', JSON.stringify(asked))
    const plan = planRepair('full_convergence', (asked.outcome.drifts ?? []) as Drift[])
    assert.equal(plan.digest, await planOf('--strategy full_convergence'), JSON.stringify(plan.drifts))
    assert.equal(plan.drifts.length, 9)
    await repair('--strategy full_convergence')
    await assertHealthy()
  })

  test('lanes are opened anew although they look right', async () => {
    const opened = () => guest.must('systemctl show -P ActiveEnterTimestampMonotonic mttrly-lane-act.socket')
    const before = await opened()
    await repair('--strategy lane_reprovision')
    assert.notEqual(await opened(), before)
    await assertHealthy()
  })

  test('Central sees what the doctor sees, and its repair runs in the act lane and outlives what it restarts', async () => {
    await guest.must(`sed -i '/^NoNewPrivileges/d' ${UNITS}/mttrly-lane-read@.service; chmod 666 /run/mttrly/act.sock`)
    const wish = '--strategy full_convergence'
    const command = `${CLI} repair ${wish} --plan ${await planOf(wish)}`
    const asked = await world.mcp.value('execute_command', { server_id: serverId, command, timeout_s: 300 })
    const action_id = String(asked.action_id)
    await world.approve(action_id)
    let result = await world.mcp.value('get_action_result', { action_id })
    for (const end = Date.now() + 60_000; result.status === 'running' && Date.now() < end; )
      result = await world.mcp.value('get_action_result', { action_id })
    assert.equal(result.status, 'succeeded', JSON.stringify(result))
    assert.match(JSON.stringify(result), /mended: 2/)
    await assertHealthy()
  })

  const WRECKS: [what: string, damage: string][] = [
    ['the files are deleted', `rm -rf /opt/mttrly`],
    ['the version is gone and nothing says which', `rm -rf ${IN_USE} /var/lib/mttrly-act/installed.json`],
    ['current leads nowhere', 'ln -sfn /nowhere /opt/mttrly/current'],
    ['the units are masked', `for u in ${UNITS}/mttrly-*; do ln -sf /dev/null $u; done; systemctl daemon-reload`],
    ['the identity is garbage', 'systemctl stop mttrly-agent; head -c 500 /dev/urandom >/var/lib/mttrly/identity.json'],
    [
      'the journal and the lock are garbage',
      'systemctl stop mttrly-agent; rm -rf /var/lib/mttrly/journal; echo x | tee /var/lib/mttrly/journal >/var/lib/mttrly/daemon.lock',
    ],
    ['the state is gone', 'rm -rf /var/lib/mttrly'],
    ['the trust is gone', 'rm -rf /var/lib/mttrly-act'],
    ['the accounts are gone', 'systemctl stop mttrly-agent; userdel mttrly; userdel mttrly-inspect'],
    ['the configuration is gone', 'rm -rf /etc/mttrly'],
    [
      'everything is gone but the units',
      'systemctl stop "mttrly-*"; rm -rf /opt/mttrly /etc/mttrly /var/lib/mttrly /var/lib/mttrly-act /usr/local/sbin/mttrly-agent',
    ],
  ]
  for (const [what, damage] of WRECKS)
    test(`${what}: the pasted command brings it back as the same server`, async () => {
      await guest.must(damage)
      await pasteRecovery()
      await assertHealthy()
      assert.deepEqual(
        (await world.servers()).map(({ id }) => id),
        [serverId],
      )
    })

  test('without a token an identity that cannot be used is refused, and says what to do', async () => {
    await guest.must('systemctl stop mttrly-agent; echo {} >/var/lib/mttrly/identity.json')
    const { code, stderr } = await guest.sh(`curl -fsS ${world.booted.url}/install.sh | bash`)
    assert.equal(code, 2)
    assert.match(stderr, /identity\.json is not usable: damaged.*no install token came/)
    assert.match(stderr, /mttrly_bootstrap_recover/)
    await pasteRecovery()
    await assertHealthy()
  })

  test('an uninstallation takes everything', async () => {
    await repair('--strategy uninstall')
    assert.equal(
      await guest.must('ls -d /opt/mttrly /etc/mttrly /var/lib/mttrly* /run/mttrly* 2>/dev/null || true'),
      '',
    )
  })
})
