// The two tools about reality on a whole Central, with agents that say what they are told to.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Snapshot } from '#proto/contract/reality.ts'
import { type Booted, bootCentral } from '../../helpers/boot-central.ts'
import { createCsr } from '../../helpers/csr.ts'
import { createFakeAgent, type FakeAgent } from '../../helpers/fake-agent.ts'
import { until } from '../../helpers/fleet.ts'
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
  asked: number
  hold?: (answer: () => void) => void
}

async function host(says: Snapshot | string, hello: object = {}): Promise<Host> {
  const { central, workspaceId } = booted
  const { token } = await central.fleet.createInstallToken({ workspaceId, createdBy: owner.userId })
  const { keyPem, csrPem } = await createCsr()
  const enrolled = await central.fleet.enrol({ token, csr_pem: csrPem, hostname: 'web-1' })
  const id = enrolled.server_id
  const self: Omit<Host, 'agent'> = { id, says, asked: 0 }
  const agent = createFakeAgent({
    keyPem,
    certificatePem: enrolled.certificate_pem,
    caPem: enrolled.ca_pem,
    port: central.grpcPort,
    hello: { lanes: [{ name: 'inspect', isolation: 'ISOLATION_SYSTEMD' }], agentVersion: '1.0.0', ...hello },
    onRequest: ({ method }, io) => {
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
async function pass(ms: number, { id, agent }: Host): Promise<void> {
  ahead += ms
  const since = Date.now() + ahead
  agent.heartbeat({ at: since })
  await until(async () => ((await booted.central.fleet.get(booted.workspaceId, id))?.lastSeenAt ?? 0) >= since)
}

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
