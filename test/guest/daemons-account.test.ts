// The daemon's account in other hands, on a real guest: what it can put in root's way while root looks after the
// installation, and that root runs nothing as it which it could write into.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Guest, startGuest, whyNoGuest } from './guest.ts'
import { createCleanup, startServedCentral } from './world.ts'

/** What the daemon's account runs is in no sandbox of the daemon's unit. */
const AS_DAEMON = 'setpriv --reuid mttrly --regid mttrly --clear-groups'
const CONVERGE = '/opt/mttrly/current/converge.sh'
/** Goes before the system's own in the scripts' PATH, and notes whether the daemon ran when it was called. */
const NOTING = `#!/bin/sh
systemctl is-active mttrly-agent >>/root/setpriv.log
exec /usr/bin/setpriv "$@"`

describe('who has the account of the daemon', { skip: whyNoGuest() ?? false }, () => {
  const cleanup = createCleanup()
  after(cleanup.run)
  let guest: Guest

  before(async () => {
    const world = await startServedCentral(cleanup)
    guest = await startGuest(cleanup)
    await guest.must((await world.newToken()).command)
    await world.untilOnline(1)
  })

  async function repair(): Promise<{ code: number; stdout: string; stderr: string }> {
    const digest = /plan ([0-9a-f]{64})/.exec(await guest.must('mttrly-agent repair --strategy full_convergence'))?.[1]
    return guest.sh(`mttrly-agent repair --strategy full_convergence --plan ${digest}`)
  }

  test('cannot hold the lock that repairs, updates and the installer take', async () => {
    await guest.must(`systemd-run --quiet --unit=holder ${AS_DAEMON} flock /opt sleep infinity; sleep 0.5`)
    const held = await guest.sh(`${AS_DAEMON} flock --nonblock /var/lib/mttrly-act true`)
    assert.notEqual(held.code, 0, 'it can lock what root locks')
    const { code, stdout, stderr } = await repair()
    await guest.must('systemctl stop holder')
    assert.equal(code, 0, stdout + stderr)
  })

  test('finds no process of its own that root has started, as long as the daemon runs', async () => {
    await guest.must(`cat >/usr/local/sbin/setpriv && chmod 0755 /usr/local/sbin/setpriv`, NOTING)
    for (const damage of ['true', 'chmod 0644 /var/lib/mttrly/identity.json', 'chmod 0755 /var/lib/mttrly/journal'])
      await guest.must(`${damage}; bash ${CONVERGE} </dev/null`)
    await guest.must('rm /usr/local/sbin/setpriv')
    assert.deepEqual((await guest.must('cat /root/setpriv.log')).split('\n').sort(), ['inactive', 'inactive'])
    assert.equal(await guest.must('stat -c %a /var/lib/mttrly/identity.json /var/lib/mttrly/journal'), '600\n700')
  })

  test('cannot keep an update from going on or back by taking the identity away', async () => {
    await guest.must('mv /var/lib/mttrly/identity.json /root/')
    const { code, stdout, stderr } = await guest.sh(`bash ${CONVERGE} --supervised </dev/null`)
    await guest.must('mv /root/identity.json /var/lib/mttrly/ && systemctl restart mttrly-agent')
    assert.equal(code, 0, stdout + stderr)
  })

  test('is not what an administrator becomes who types the name of the command alone', async () => {
    const { code, stderr } = await guest.sh('timeout 20 mttrly-agent')
    assert.deepEqual([code, /usage: mttrly-agent/.test(stderr)], [2, true], stderr)
  })
})
