// Certificates of an installed agent in a real systemd guest: one that expired while its host was away, and the authority
// replaced under a server that stays connected.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Identity } from '../../agent/identity/identity.ts'
import { createSigningRequest } from '../../agent/identity/signing-request.ts'
import { AUTHORITY_FILES } from '../../central/fleet/authorities.ts'
import { openCa } from '../../central/fleet/ca.ts'
import { readPrivate, splitPem } from '../../central/fleet/key-files.ts'
import type { TrustReport } from '../../central/fleet/rotation.ts'
import { connectMcp } from '../helpers/mcp.ts'
import { DAY } from '../helpers/release.ts'
import { runProgram } from '../helpers/run-program.ts'
import { type Guest, startGuest, whyNoGuest } from './guest.ts'
import { createCleanup, startServedCentral } from './world.ts'

const why = whyNoGuest()
const ADMIN = fileURLToPath(new URL('../../central/admin.ts', import.meta.url))
const IDENTITY = '/var/lib/mttrly/identity.json'
const AWAY = 60 * DAY

describe('certificates of an installed agent', { skip: why ?? false }, () => {
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

  const identity = async (): Promise<Identity> => JSON.parse(await guest.must(`cat ${IDENTITY}`))
  /** By a client of its own: sessions end with the Central that has them. For whom the stream has yet to come back waits. */
  const uptime = async () => {
    const mcp = await connectMcp(world.booted.url, await world.booted.apiKey(world.owner.userId))
    cleanup.after(() => mcp.close())
    const ask = () =>
      mcp.value('execute_command', { server_id: serverId, command: 'uptime' }).catch((error: Error) => {
        if (!error.message.includes('SERVER_OFFLINE')) throw error
        return { status: 'offline' }
      })
    const end = Date.now() + 60_000
    let status = (await ask()).status
    while (status === 'offline' && Date.now() < end) {
      await sleep(500)
      status = (await ask()).status
    }
    assert.equal(status, 'succeeded')
  }

  test('one that expired while its host was away is healed by the recovery command, as the same server', async () => {
    await guest.must('systemctl stop mttrly-agent')
    const { keyPem, csrPem } = createSigningRequest()
    const past = { now: () => Date.now() - AWAY }
    const authority = readPrivate(join(world.booted.dataDir, 'keys'), AUTHORITY_FILES.issuing)
    const issuer = await openCa(splitPem(authority), past)
    const issued = await issuer.issueAgent(csrPem, { workspaceId: world.booted.workspaceId, serverId })
    assert.ok('certificatePem' in issued && issued.notAfter < Date.now())
    const expired = { ...(await identity()), keyPem, certificatePem: issued.certificatePem }
    await guest.must(`cat >${IDENTITY}; systemctl start mttrly-agent`, JSON.stringify(expired))
    const { stdout } = await guest.sh(
      'for i in $(seq 100); do mttrly-agent doctor --json | grep -q CERTIFICATE_EXPIRED && break; sleep 0.1; done; mttrly-agent doctor --json',
    )
    assert.match(stdout, /CERTIFICATE_EXPIRED/)
    await world.untilOnline(0)

    const asked = await world.mcp.value('bootstrap_recover', { server_id: serverId })
    await world.approve(String(asked.action_id))
    const done = await world.mcp.value('get_action_result', { action_id: asked.action_id, wait_s: 40 })
    const pasted = await guest.sh((done.result as { command: string }).command)
    assert.equal(pasted.code, 0, pasted.stdout + pasted.stderr)
    await world.untilOnline(1)
    assert.deepEqual(
      (await world.servers()).map(({ id }) => id),
      [serverId],
    )
    await uptime()
  })

  test('the authority is replaced step by step, and the server is never lost', async () => {
    const before = (await identity()).certificatePem
    const first = (await status()).authorities[0]?.fingerprint
    await step('prepare')
    await until('it believes the next authority', ({ servers }) => servers.every(({ knowsNext }) => knowsNext))
    await step('switch')
    await until('its certificate is of the new one', ({ servers }) => servers.every(({ lostBy }) => !lostBy.retire))
    assert.notEqual((await identity()).certificatePem, before)
    await step('retire')
    await uptime()
    const { authorities, servers } = await status()
    assert.deepEqual([authorities.length, servers[0]?.alreadyLost], [1, undefined])
    assert.notEqual(authorities[0]?.fingerprint, first)
    // Also by what stands on the disk alone.
    await guest.must('systemctl restart mttrly-agent')
    await sleep(1_000)
    await world.untilOnline(1)
    await uptime()
  })

  async function admin(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await runProgram(process.execPath, [
      ADMIN,
      '--data',
      world.booted.dataDir,
      ...args,
    ])
    assert.equal(code, 0, stderr)
    return stdout
  }
  const status = async (): Promise<TrustReport> => JSON.parse(await admin('ca', 'status', '--json'))

  /** As the command says: then Central is started again. */
  async function step(name: 'prepare' | 'switch' | 'retire'): Promise<void> {
    await admin('ca', name)
    await world.booted.restart()
    await world.untilOnline(1)
  }

  async function until(what: string, holds: (report: TrustReport) => boolean): Promise<void> {
    const end = Date.now() + 60_000
    while (!holds(await status())) {
      if (Date.now() > end) assert.fail(`not within a minute: ${what}`)
      await sleep(500)
    }
  }
})
