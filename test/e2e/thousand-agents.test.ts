// A thousand agents on one Central: all stay, calls are answered meanwhile, all come back after Central was killed, and no
// queue grows. Bounds are held against lengths and memory, never against time.
import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { LIMITS } from '#proto/contract/limits.ts'
import { createCleanup } from '../helpers/cleanup.ts'
import { createCsr } from '../helpers/csr.ts'
import { until } from '../helpers/fleet.ts'
import { connectMcp, type Mcp } from '../helpers/mcp.ts'
import { startCrowd } from './agents-process.ts'
import { type CentralProcess, startCentralProcess } from './central-process.ts'
import { verifies } from './requirements.ts'

const AGENTS = 1_000
const CALLS = 300
const MIB = 1024 * 1024
/** What Central may hold on top after thousands of calls: caches, no queue. */
const GROWTH = 32 * MIB

const cleanup = createCleanup()
after(cleanup.run)

type Counters = Awaited<ReturnType<typeof sample>>
const sample = (central: CentralProcess) => central.ask('counters', undefined)

function mustBeBounded(counters: Counters): void {
  const { waitingFrames, inFlight, mostAtOnce, violations, turnedAway, strayChunks } = counters
  assert.ok(waitingFrames <= LIMITS.queuedFrames, `${waitingFrames} frames wait`)
  assert.ok(inFlight <= LIMITS.requestsInFlight, `${inFlight} requests of one agent`)
  assert.ok((mostAtOnce ?? 0) <= LIMITS.handshakes, `${mostAtOnce} handshakes at once`)
  assert.deepEqual({ violations, turnedAway, strayChunks }, { violations: 0, turnedAway: 0, strayChunks: 0 })
}

/** Calls to servers all over the fleet, several at once. */
async function callAll(mcp: Mcp, servers: readonly string[]): Promise<void> {
  const left = [...servers]
  const caller = async (): Promise<void> => {
    for (let server_id = left.pop(); server_id; server_id = left.pop()) {
      const answer = await mcp.value('execute_command', { server_id, command: 'uptime' })
      assert.deepEqual([answer.status, answer.output], ['succeeded', 'all is well\n'])
    }
  }
  await Promise.all(Array.from({ length: 8 }, caller))
}

verifies(
  ['fleet:a-thousand-agents', 'fleet:restart'],
  'a thousand agents stay, are called, and come back',
  async (t) => {
    const data = mkdtempSync(join(tmpdir(), 'mttrly-thousand-'))
    cleanup.removeAfter(data)
    const { keyPem, csrPem } = await createCsr()
    let central = await startCentralProcess({ data, 'http-port': 0, 'grpc-port': 0 })
    cleanup.after(() => central.kill())
    const { url, grpcPort } = central
    const { key } = await central.ask('member', { name: 'owner', role: 'owner' })
    const servers = await central.ask('enrolMany', { csrPem, count: AGENTS })
    const ids = servers.map(({ serverId }) => serverId)
    const place = { port: grpcPort, caPem: servers[0]?.caPem ?? '', keyPem }
    const certificates = servers.map(({ certificatePem }) => certificatePem)
    const crowds = [certificates.slice(0, AGENTS / 2), certificates.slice(AGENTS / 2)].map((half) =>
      startCrowd({ ...place, certificates: half }),
    )
    for (const crowd of crowds) cleanup.after(crowd.stop)
    const mcp = await connectMcp(url, key, { mode: 'auto' })
    cleanup.after(() => mcp.close())
    const allThere = () => until(async () => (await sample(central)).connected === AGENTS)
    const online = async () => {
      const { servers } = (await mcp.value('list_servers')) as { servers: { status: string }[] }
      return servers.filter(({ status }) => status === 'online').length
    }

    await allThere()
    await callAll(mcp, ids.slice(0, CALLS))
    const settled = await central.ask('held', undefined)
    let calls = CALLS

    // Longer than a server may be silent, with calls all the while.
    const end = Date.now() + LIMITS.offlineAfter + 2 * LIMITS.heartbeat
    for (let from = 0; Date.now() < end; from = (from + CALLS) % AGENTS) {
      await callAll(mcp, ids.slice(from, from + CALLS))
      calls += CALLS
      mustBeBounded(await sample(central))
      await sleep(1_000)
    }
    const later = await sample(central)
    assert.equal(later.connected, AGENTS)
    assert.equal(later.handshakes, AGENTS, 'nobody has left and come back')
    assert.equal(await online(), AGENTS)
    const held = await central.ask('held', undefined)
    assert.ok(held.bytes - settled.bytes < GROWTH, `${(held.bytes - settled.bytes) / MIB} MiB more`)

    await central.kill()
    central = await startCentralProcess({ data, 'http-port': Number(new URL(url).port), 'grpc-port': grpcPort })
    // Answered while they come back.
    assert.equal(((await mcp.value('list_servers')).servers as unknown[]).length, AGENTS)
    await allThere()
    mustBeBounded(await sample(central))
    assert.equal(await online(), AGENTS)
    await callAll(mcp, ids.slice(-CALLS))
    const back = await sample(central)
    t.diagnostic(JSON.stringify({ calls, settled, held, later, back }))
  },
  { timeout: 400_000 },
)
