import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planRepair } from '#proto/contract/installation.ts'
import type { ActionSpec } from '../../../../central/domain/action.ts'
import { principal } from '../../../helpers/principals.ts'
import { type Booted, bootConsole, type Person, server } from '../boot-console.ts'

const HOST = { cwd: '/', env: {}, user: '', terminal: false, timeout_ms: 60_000 }
const WORDS = { title: 'Repair', effect: 'e', undo: 'u', reason: '', why: 'w' }

async function boot(t: { after: (work: () => Promise<void>) => void }) {
  const central = await bootConsole()
  t.after(central.close)
  return { central, anna: await central.signIn('usr_anna') }
}

const get = ({ app, origin }: Booted, { cookie }: Person, url: string) =>
  app.inject({ url, headers: { cookie, origin } })

const post = ({ app, origin }: Booted, { cookie, csrf }: Person, url: string, form: Record<string, string> = {}) =>
  app.inject({
    method: 'POST',
    url,
    headers: { cookie, origin, 'content-type': 'application/x-www-form-urlencoded' },
    payload: new URLSearchParams({ csrf, ...form }).toString(),
  })

const shown = async ({ central, anna }: Awaited<ReturnType<typeof boot>>, spec: ActionSpec) => {
  const { id } = await central.approvals.request(principal(), 'req_1', spec, WORDS)
  return (await get(central, anna, `/approvals/${id}`)).body
}

test('a repair is shown as a diff in which nothing hides', async (t) => {
  const drift = { code: 'UNIT_CHANGED', target: 'x.service', was: '<b>\u202eold', should: 'new' } as const
  const plan = planRepair('full_convergence', [drift])
  const argv = ['/opt/mttrly/current/mttrly-agent', 'repair', '--plan', plan.digest]
  const page = await shown(await boot(t), { kind: 'repair_install', server_id: 'srv_1', plan, argv, ...HOST })
  assert.match(page, /- &#60;b&#62;<span class="visible">\\u\{202e\}<\/span>old\n\+ new/)
  assert.ok(page.includes(plan.digest))
  assert.doesNotMatch(page, /\u202e|<b>/)
})

test('an update in waves lists every server by name and id', async (t) => {
  const booted = await boot(t)
  booted.central.fleet.servers.push(server({ id: 'srv_2', name: 'db-1' }))
  const rollout = { server_ids: ['srv_2', 'srv_9'], share: 25, max_in_flight: 4 }
  const update = { version: '0.2.0', manifest: 'ab'.repeat(32), rollout, argv: ['/opt/mttrly/current/mttrly-agent'] }
  const page = await shown(booted, { kind: 'update_agent', server_id: 'srv_1', ...update, ...HOST })
  assert.match(page, /2 servers will follow/)
  assert.match(page, /db-1<\/bdi> <code class="muted small">srv_2/)
  assert.match(page, /no longer there<\/bdi> <code class="muted small">srv_9/)
})

test('a command names the account that it runs as', async (t) => {
  const booted = await boot(t)
  const command = {
    kind: 'command',
    server_id: 'srv_1',
    line: 'true',
    argv: ['/bin/sh', '-c', 'true'],
    ...HOST,
  } as const
  assert.match(await shown(booted, command), /The account that the agent runs as/)
  booted.central.fleet.servers = [server({ lanes: [{ name: 'act', isolation: 'systemd' }] })]
  assert.match(await shown(booted, command), /<code>root<\/code>/)
})

const DRIFT = {
  code: 'UNIT_MASKED',
  severity: 'broken',
  says: 'A unit is masked.',
  target: 'a.socket',
  was: '<i>',
  should: 'x',
}
const HEALTH = {
  health: 'drifted',
  version: '0.1.0',
  served_version: '0.2.0',
  certificate_expires_at: null,
  drifts: [{ ...DRIFT, mended_by: 'units' }],
  drifts_total: 1,
  next_step: 'Repair it.',
}

test('an installation is looked at when asked for, through the same call as any other client’s', async (t) => {
  const { central, anna } = await boot(t)
  await get(central, anna, '/servers/srv_1/installation')
  assert.equal(central.calls.length, 0)
  central.answers.push({ kind: 'result', value: HEALTH })
  const { body } = await post(central, anna, '/servers/srv_1/installation')
  assert.equal(central.calls[0]?.tool, 'mttrly_get_install_health')
  for (const text of ['UNIT_MASKED', '&#60;i&#62;', 'Ask for the repair', 'Central serves 0.2.0', 'issue:UNIT_MASKED'])
    assert.ok(body.includes(text), text)
})

test('repair, update and rollout are asked for as the forms say', async (t) => {
  const { central, anna } = await boot(t)
  central.fleet.servers.push(server({ id: 'srv_2', name: 'db-1', online: false }))
  const asked = async (url: string, form: Record<string, string>) => {
    central.answers.push({ kind: 'result', value: { status: 'pending_approval', action_id: 'act_1' } })
    const { headers } = await post(central, anna, url, form)
    assert.equal(headers.location, '/approvals/act_1')
    const last = central.calls.at(-1) ?? assert.fail()
    const { reason, ...rest } = last.arguments as Record<string, unknown>
    assert.ok(reason)
    return [last.tool, rest]
  }
  const issues = { strategy: 'issue_driven', 'issue:UNIT_MASKED': 'on' }
  assert.deepEqual(await asked('/servers/srv_1/repair', issues), [
    'mttrly_repair_install',
    { server_id: 'srv_1', strategy: 'issue_driven', issues: ['UNIT_MASKED'] },
  ])
  assert.deepEqual(await asked('/servers/srv_1/update', {}), ['mttrly_update_agent', { server_id: 'srv_1' }])
  const page = (await get(central, anna, '/updates')).body
  assert.match(page, /Central serves 0\.2\.0/)
  assert.ok(page.includes('then:srv_2') && !page.includes('option value="srv_2"'))
  const form = { canary: 'srv_1', 'then:srv_1': 'on', 'then:srv_2': 'on', share: '50', max_in_flight: '2' }
  assert.deepEqual(await asked('/updates', form), [
    'mttrly_update_agent',
    { server_id: 'srv_1', rollout: { server_ids: ['srv_2'], share: 50, max_in_flight: 2 } },
  ])
})
