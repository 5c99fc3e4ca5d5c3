// What must stand in the audit log, beside the calls: each event is provoked on a whole Central.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { bootCentral } from '../helpers/boot-central.ts'
import { createCsr } from '../helpers/csr.ts'

test('people, servers and alerts leave their lines, and nothing secret in them', async (t) => {
  const booted = await bootCentral(t)
  const { central, workspaceId } = booted
  const owner = await booted.member('anna')
  await owner.signIn()
  const { csrf = '' } = await owner.formOf('/account')
  await owner.post('/account/api-keys', { csrf, name: 'ci', scopes: 'read', days: '30' })
  const { token } = await central.fleet.createInstallToken({ workspaceId, createdBy: owner.userId })
  const { csrPem } = await createCsr()
  const { server_id } = await central.fleet.enrol({ token, csr_pem: csrPem, hostname: 'web-1' })
  const sighting = { workspaceId, serverId: server_id, peer: '192.0.2.9', hostname: 'web-1' }
  central.fleet.link.cloneSeen(sighting)

  const wanted = ['account.changed', 'account.signed_in', 'server.enrolled', 'server.clone_suspected', 'alert.raised']
  const written = async () => (await central.audit.list(workspaceId, { limit: 100 })).map(({ body }) => body)
  for (let left = 200; left > 0; left--) {
    const seen = new Set((await written()).map(({ event }) => event))
    if (wanted.every((event) => seen.has(event as never))) break
    await sleep(10)
  }
  const lines = await written()
  for (const event of wanted)
    assert.ok(
      lines.some((line) => line.event === event),
      event,
    )
  const what = lines.filter(({ event }) => event === 'account.changed').map(({ resource }) => resource)
  assert.deepEqual(what.toSorted(), ['api-keys', 'created'])
  assert.equal(lines.find(({ event }) => event === 'account.signed_in')?.actor.user_id, owner.userId)
  const text = JSON.stringify(lines)
  for (const secret of [token, owner.password, owner.totpSecret, csrf]) assert.ok(!text.includes(secret))
  assert.ok(!/mtt_|mtti_/.test(text))
  assert.equal((await central.audit.verify(workspaceId)).ok, true)
})
