// The tools about reality and the diagnosis on a whole Central, with agents that say what they are told to.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Diagnosis } from '#proto/contract/diagnosis.ts'
import { methodCodecs } from '#proto/contract/methods.ts'
import type { Snapshot } from '#proto/contract/reality.ts'
import { type Booted, bootCentral } from '../../helpers/boot-central.ts'
import { createCsr } from '../../helpers/csr.ts'
import { createFakeAgent, type FakeAgent } from '../../helpers/fake-agent.ts'
import { inBeats, until } from '../../helpers/fleet.ts'
import { connectMcp, type Mcp } from '../../helpers/mcp.ts'
import { failed, listener, snapshot, unit } from '../../helpers/reality.ts'

const MINUTE = 60_000
const stops: (() => unknown)[] = []
let booted: Booted
let mcp: Mcp
let owner: Awaited<ReturnType<Booted['member']>>
let ahead = 0

before(async () => {
  booted = await bootCentral(
    { after: (work) => void stops.push(work as () => unknown) },
    { config: { 'calls-per-minute': 10_000 }, outside: { clock: { now: () => Date.now() + ahead } } },
  )
  owner = await booted.member('anna')
  mcp = await connectMcp(booted.url, await booted.apiKey(owner.userId))
})
after(async () => {
  await mcp?.close()
  for (const stop of stops.toReversed()) await stop()
})

type Host = {
  id: string
  agent: FakeAgent
  says: Snapshot | string
  finds: Partial<Diagnosis>
  question?: unknown
  asked: number
  hold?: (answer: () => void) => void
}

async function host(says: Snapshot | string, hello: object = {}): Promise<Host> {
  const { central, workspaceId } = booted
  const { token } = await central.fleet.createInstallToken({ workspaceId, createdBy: owner.userId })
  const { keyPem, csrPem } = await createCsr()
  const enrolled = await central.fleet.enrol({ token, csr_pem: csrPem, hostname: 'web-1' })
  const id = enrolled.server_id
  const self: Omit<Host, 'agent'> = { id, says, finds: {}, asked: 0 }
  const agent = createFakeAgent({
    keyPem,
    certificatePem: enrolled.certificate_pem,
    caPem: enrolled.ca_pem,
    port: central.grpcPort,
    hello: { lanes: [{ name: 'inspect', isolation: 'ISOLATION_SYSTEMD' }], agentVersion: '1.0.0', ...hello },
    onRequest: ({ method, body }, io) => {
      if (method === 'inspect.diagnose') {
        const asked = methodCodecs.get(method)?.request.decode(body) as { json: string }
        self.question = JSON.parse(asked.json)
        return io.respond({ json: JSON.stringify({ at: 1, tookMs: 5, findings: [], checks: [], ...self.finds }) })
      }
      assert.equal(method, 'inspect.reality')
      self.asked += 1
      const json = typeof self.says === 'string' ? self.says : JSON.stringify(self.says)
      if (self.hold) self.hold(() => io.respond({ json }))
      else io.respond({ json })
    },
  })
  stops.push(() => agent.close())
  await agent.connect()
  await until(async () => (await central.fleet.get(workspaceId, id))?.agentVersion === '1.0.0')
  return Object.assign(self, { agent })
}

const get = (id: string, more: object = {}) => mcp.value('get_service_reality', { server_id: id, ...more })
const code = (tool: string, id: string) => mcp.code(tool, { server_id: id })

/** Time passes, and the agent says that it is there. */
const pass = (ms: number, { id, agent }: Host): Promise<void> =>
  inBeats(ms, async (step) => {
    ahead += step
    const since = Date.now() + ahead
    agent.heartbeat({ at: since })
    await until(async () => ((await booted.central.fleet.get(booted.workspaceId, id))?.lastSeenAt ?? 0) >= since)
  })

async function gone({ id, agent }: Host): Promise<void> {
  agent.close()
  await until(async () => {
    ahead += MINUTE
    booted.central.fleet.upkeep.watchTime()
    return (await booted.central.fleet.get(booted.workspaceId, id))?.online === false
  })
}

describe('the reality of a server', () => {
  test('is taken once, and again when it is old', async () => {
    const server = await host(snapshot())
    assert.deepEqual([(await get(server.id)).source, server.asked], ['live', 1])
    const again = await get(server.id)
    assert.deepEqual([again.source, again.changed_since_before, server.asked], ['cached', null, 1])
    await pass(16 * MINUTE, server)
    assert.deepEqual([(await get(server.id)).source, server.asked], ['live', 2])
  })

  test('is a summary with the unhealthy first, each with its evidence', async () => {
    const units = [
      unit('a.service'),
      unit('b.service', { health: { ...failed('exit 1'), state: 'degraded' } }),
      unit('c.mount', { kind: 'mount', health: failed('not mounted') }),
    ]
    const { id } = await host(snapshot({ units }))
    const answer = await get(id)
    const unhealthy = answer.unhealthy as Record<string, string>[]
    assert.deepEqual(
      unhealthy.map(({ section, name, state, why, source }) => [section, name, state, why, source]),
      [
        ['units', 'c.mount', 'failed', 'not mounted', 'systemctl show'],
        ['services', 'b.service', 'degraded', 'exit 1', 'systemctl show'],
      ],
    )
    assert.equal((answer.counts as Record<string, number>).services, 2)
    assert.deepEqual(answer.not_visible, [{ what: '/home', why: 'not visible' }])
  })

  test('comes by section, in pages, the unhealthy first, and can be searched', async () => {
    const units = Array.from({ length: 7 }, (_, i) => unit(`u${i}.service`, i === 5 ? { health: failed('x') } : {}))
    const { id } = await host(snapshot({ units }))
    type Page = { items: { id: string }[]; total: number; next_offset?: number }
    const page = async (more: object) => (await get(id, { section: 'services', ...more })).section as Page
    const first = await page({ limit: 4 })
    assert.deepEqual([first.items[0]?.id, first.items.length, first.total, first.next_offset], ['u5.service', 4, 7, 4])
    const last = await page({ limit: 4, offset: 4 })
    assert.deepEqual([last.items.length, last.next_offset], [3, undefined])
    assert.deepEqual(
      (await page({ match: 'u3' })).items.map((each) => each.id),
      ['u3.service'],
    )
    assert.equal(await mcp.code('get_service_reality', { server_id: id, section: 'secrets' }), 'VALIDATION_ERROR')
  })

  test('tells times as every other answer does', async () => {
    const at = Date.UTC(2026, 10, 22)
    const health = { state: 'ok', why: 'runs', evidence: { source: 'systemctl show', at } }
    const { id } = await host(snapshot({ units: [unit('a.service', { since: at, health } as object)] }))
    const { section } = await get(id, { section: 'services' })
    const [item] = (section as { items: { since: string; health: { evidence: { at: string } } }[] }).items
    assert.deepEqual([item?.since, item?.health.evidence.at], Array(2).fill('2026-11-22T00:00:00.000Z'))
    assert.doesNotMatch(JSON.stringify(section), /\b1[67]\d{11}\b/)
  })

  test('neutralises what the host says, names included', async () => {
    const { packages } = snapshot()
    const server = await host(
      snapshot({
        units: [unit('x\u202e.service', { health: failed('\u001b[31m') })],
        packages: { ...packages, installed: { 'a\u202e': '1' } },
      }),
    )
    const all = JSON.stringify([await get(server.id), await get(server.id, { section: 'packages' })])
    assert.doesNotMatch(all, /\u202e|\\u001b/)
    assert.match(all, /u\{202e\}/)
  })
})

describe('a refresh', () => {
  test('waits for a new one, says what differs, and then for a minute there is none', async () => {
    const server = await host(snapshot())
    await get(server.id)
    assert.equal(await code('refresh_reality', server.id), 'REALITY_COOLDOWN')
    await pass(MINUTE, server)
    server.says = snapshot({
      units: [unit('nginx.service', { active: 'failed', health: failed('x') })],
      listeners: [listener(80, 'nginx.service'), listener(81, 'x.service')],
    })
    const answer = await mcp.value('refresh_reality', { server_id: server.id })
    assert.equal(answer.source, 'live')
    const { sections } = answer.changed_since_before as { sections: Record<string, Record<string, unknown[]>> }
    assert.deepEqual(sections.units?.went, ['shop.service'])
    assert.deepEqual(sections.listeners?.came, ['tcp 0.0.0.0:81'])
    assert.equal(sections.units?.changed?.length, 1)
    const refused = await mcp.call('refresh_reality', { server_id: server.id })
    assert.ok(!refused.ok)
    assert.equal(refused.error.code, 'REALITY_COOLDOWN')
    assert.ok(Number(refused.error.retry_after_s) > 0)
  })

  test('is one at a time: who comes meanwhile waits for the same', async () => {
    const server = await host(snapshot())
    let answer: (() => void) | undefined
    server.hold = (go) => {
      answer = go
    }
    const all = [get(server.id), mcp.value('refresh_reality', { server_id: server.id }), get(server.id)]
    await until(async () => answer !== undefined)
    // The last of them must have come, too.
    await mcp.value('list_servers')
    answer?.()
    assert.deepEqual(
      (await Promise.all(all)).map(({ source }) => source),
      ['live', 'live', 'live'],
    )
    assert.equal(server.asked, 1)
  })
})

const finding = (over: Partial<Diagnosis['findings'][number]> = {}): Diagnosis['findings'][number] => ({
  cause: 'DISK_FULL',
  subject: '/var',
  title: '/var has no space left',
  severity: 'critical',
  confidence: 1,
  impact: [],
  evidence: [{ source: 'statfs /var', at: 1, seen: '100 % used' }],
  next: [{ tool: 'mttrly_get_service_reality', arguments: { section: 'mounts' }, why: 'All of them' }],
  explains: [],
  ...over,
})

describe('a diagnosis', () => {
  const ask = (id: string, more: object = {}) =>
    mcp.value('run_diagnostic', { server_id: id, problem: 'site down', ...more })

  test('hands the question on, says what was found, and the calls that it proposes can be made as they stand', async () => {
    const server = await host(snapshot())
    server.finds = {
      findings: [finding(), finding({ cause: 'UNIT_FAILED', severity: 'high' })],
      checks: [
        { name: 'disk-full', state: 'done' },
        { name: 'x', state: 'out_of_time' },
      ],
    }
    const answer = await ask(server.id, { subject: 'nginx' })
    assert.deepEqual(server.question, { problem: 'site down', subject: 'nginx' })
    const [first] = answer.findings as {
      meaning: string
      next: { tool: string; arguments: Record<string, unknown> }[]
    }[]
    assert.match(first?.meaning ?? '', /no space left/)
    assert.match(String(answer.summary), /^critical: .*1 further finding.*1 of 2 checks could not be done/)
    const [call] = first?.next ?? []
    assert.deepEqual(call?.arguments, { server_id: server.id, section: 'mounts' })
    await mcp.value(call?.tool.replace('mttrly_', '') ?? '', call?.arguments ?? {})
  })

  test('says when the host has nothing of the name that was asked about', async () => {
    const server = await host(snapshot())
    server.finds = { subject: { known: false, near: ['nginx.service'] } }
    const { summary } = await ask(server.id, { subject: 'ngnix' })
    assert.match(String(summary), /^This host has nothing called "ngnix"; did you mean nginx\.service\?/)
  })

  test('comes once in half a minute', async () => {
    const server = await host(snapshot())
    await ask(server.id)
    const refused = await mcp.call('run_diagnostic', { server_id: server.id, problem: 'again' })
    assert.ok(!refused.ok)
    assert.equal(refused.error.code, 'DIAGNOSTIC_COOLDOWN')
    assert.ok(Number(refused.error.retry_after_s) > 0 && Number(refused.error.retry_after_s) <= 30)
    await pass(31_000, server)
    await ask(server.id)
  })

  test('is neutralised, and refused when it is not what the contract says', async () => {
    const server = await host(snapshot())
    server.finds = { findings: [finding({ title: '\u001b[31mred\u202e' })] }
    assert.doesNotMatch(JSON.stringify(await ask(server.id)), /\u202e|\\u001b/)
    await pass(31_000, server)
    server.finds = { findings: 'all is well' as never }
    assert.equal(await mcp.code('run_diagnostic', { server_id: server.id, problem: 'x' }), 'INTERNAL_ERROR')
  })

  test('is not asked of an agent that cannot answer', async () => {
    const old = await host(snapshot(), { capabilityVersion: 4 })
    assert.equal(await mcp.code('run_diagnostic', { server_id: old.id, problem: 'x' }), 'AGENT_OUTDATED')
  })
})

test('a quick triage tells what the latest snapshot calls unhealthy, and does not ask the host', async () => {
  const server = await host(snapshot({ units: [unit('shop.service', { health: failed('exit 1') })] }))
  const triage = () => mcp.value('quick_triage', { server_id: server.id })
  assert.equal((await triage()).reality, null)
  await get(server.id)
  const answer = await triage()
  const { unhealthy, unhealthy_total } = answer.reality as { unhealthy: { name: string }[]; unhealthy_total: number }
  assert.deepEqual([unhealthy.map(({ name }) => name), unhealthy_total, server.asked], [['shop.service'], 1, 1])
  assert.equal(answer.verdict, 'attention')
  assert.match(String(answer.summary), /1 thing\(s\) that failed/)
})

describe('a host that cannot be asked', () => {
  test('is shown as it was, with the age of that, or not at all', async () => {
    const server = await host(snapshot())
    await get(server.id)
    const never = await host(snapshot())
    await gone(server)
    await gone(never)
    const answer = await get(server.id)
    assert.deepEqual([answer.source, answer.status], ['cached', 'offline'])
    assert.ok(Number(answer.age_s) >= 60)
    assert.equal(await code('refresh_reality', server.id), 'SERVER_OFFLINE')
    assert.equal(await code('get_service_reality', never.id), 'SERVER_OFFLINE')
  })

  test('because its agent is too old or has no such lane, is refused', async () => {
    const old = await host(snapshot(), { capabilityVersion: 2 })
    assert.equal(await code('get_service_reality', old.id), 'AGENT_OUTDATED')
    const bare = await host(snapshot(), { lanes: [{ name: 'read', isolation: 'ISOLATION_BUBBLEWRAP' }] })
    assert.equal(await code('refresh_reality', bare.id), 'POLICY_DENIED')
  })

  test('because it answers nonsense, keeps what was known', async () => {
    const server = await host(snapshot())
    const large = await host('x'.repeat(2_200_000))
    assert.equal(await code('get_service_reality', large.id), 'OUTPUT_TOO_LARGE')
    await get(server.id)
    for (const nonsense of ['{', '{}', '[]', JSON.stringify({ ...snapshot(), units: 'all' })]) {
      await pass(16 * MINUTE, server)
      server.says = nonsense
      const answer = await get(server.id)
      assert.equal(answer.source, 'cached', nonsense)
      assert.match(String(answer.note), /INTERNAL_ERROR/)
    }
  })
})
