// kill -9 at random points of approved commands whose effect is counted on the host. Real Central processes, real agents:
// each command runs once or not at all, and the final answer is true. MTTRLY_SEED repeats the same sequence of choices.
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { enrol } from '../../agent/enrol.ts'
import { until } from '../helpers/fleet.ts'
import { connectMcp, type Mcp } from '../helpers/mcp.ts'
import { createPerson, type Person } from '../helpers/person.ts'
import { type CentralProcess, startCentralProcess } from './central-process.ts'
import { type AgentProcess, type Home, makeHome, startAgentProcess } from './host.ts'
import { childrenOf, leftovers, processesWith, signal, withDescendants } from './processes.ts'
import { verifies } from './requirements.ts'

/** Kills that must land while their command was not over. */
const KILLS = { lane: 125, agent: 35, tree: 20, central: 20 }
type Victim = keyof typeof KILLS

const seed = Number(process.env.MTTRLY_SEED ?? Math.floor(Math.random() * 2 ** 31))
const random = mulberry32(seed)
const upTo = (most: number): number => Math.floor(random() * most)

/** https://gist.github.com/tommyettinger/46a874533244883189143505d203312c */
function mulberry32(state: number): () => number {
  let a = state
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

type Server = { id: string; home: Home; agent: AgentProcess }
type Round = { victim: Victim; actionId: string; path: string; laneKilled: boolean }
type Answer = { status: string; detail?: string; signal?: string }

const directories: string[] = []
const servers: Server[] = []
const centrals = new Set<CentralProcess>()
const landed: Record<Victim, number> = { lane: 0, agent: 0, tree: 0, central: 0 }
const ends = new Map<string, number>()
let rounds = 0

/** One Central process with its servers; survives the death of its Central. */
async function createStand(count: number) {
  const data = mkdtempSync(join(tmpdir(), 'mttrly-once-'))
  directories.push(data)
  let central = await startCentralProcess({ data, 'http-port': 0, 'grpc-port': 0 })
  centrals.add(central)
  const { url, grpcPort } = central
  const owner = await central.ask('member', { name: 'owner', role: 'owner' })
  const mcp: Mcp = await connectMcp(url, owner.key, { mode: 'auto' })
  const own: Server[] = []
  for (let i = 0; i < count; i++) own.push(await addServer())

  async function addServer(): Promise<Server> {
    const home = makeHome()
    directories.push(home.root)
    const token = await central.ask('installToken', undefined)
    const done = await enrol({ central: url, token, dataDirectory: home.data, replace: false, now: Date.now() })
    if (!done.ok) throw new Error(done.detail)
    const server = { id: done.serverId, home, agent: startAgentProcess(home) }
    servers.push(server)
    await until(() => central.ask('online', { serverId: server.id }))
    return server
  }

  return {
    servers: own,
    central: () => central,
    mcp,
    async killCentral(): Promise<void> {
      await central.kill()
      centrals.delete(central)
    },
    async startCentral(): Promise<void> {
      central = await startCentralProcess({ data, 'http-port': Number(new URL(url).port), 'grpc-port': grpcPort })
      centrals.add(central)
    },
    async approver(name: string): Promise<Person> {
      const person = createPerson(await central.ask('member', { name, role: 'approver' }))
      await person.signIn()
      return person
    },
  }
}
type Stand = Awaited<ReturnType<typeof createStand>>

/** Asks for a command that leaves one line, somewhere within its life. */
async function askFor(stand: Stand, server: Server, victim: Victim): Promise<Round> {
  rounds += 1
  const path = join(server.home.work, `round-${rounds}`)
  const pause = () => (upTo(150) / 1000).toFixed(3)
  const command = `sleep ${pause()}; echo ran >> ${path}; sleep ${pause()}`
  await until(() => stand.central().ask('online', { serverId: server.id }))
  const asked = await stand.mcp.value('execute_command', { server_id: server.id, command })
  assert.equal(asked.status, 'pending_approval')
  return { victim, actionId: String(asked.action_id), path, laneKilled: false }
}

const approve = (stand: Stand, { actionId }: Round, by?: Person): Promise<unknown> =>
  by ? by.decide(actionId, 'approve') : stand.central().ask('approve', { actionId })

/** Waits for the final answer, holds it against what the host shows, and says whether the kill came before the end. */
async function settle(stand: Stand, round: Round): Promise<void> {
  const end = await finalAnswer(stand, round)
  await until(() => processesWith(`MTTRLY_RUN=${round.actionId}`).length === 0)
  const lines = existsSync(round.path) ? readFileSync(round.path, 'utf8').split('\n').length - 1 : 0
  const saw = `seed ${seed}: ${JSON.stringify({ ...round, ...end, lines })}`
  const key = `${round.victim}: ${end.status}${end.detail ? ` (${end.detail})` : ''}`
  ends.set(key, (ends.get(key) ?? 0) + 1)
  assert.ok(lines <= 1, `it ran twice: ${saw}`)
  if (end.status === 'succeeded') assert.equal(lines, 1, saw)
  else if (end.status === 'unknown') assert.ok(round.laneKilled, `unknown without need: ${saw}`)
  else {
    assert.ok(['failed', 'expired'].includes(end.status), saw)
    if (end.signal === undefined) assert.match(end.detail ?? '', NOTHING_RAN, saw)
    if (end.signal === undefined) assert.equal(lines, 0, saw)
    else assert.ok(round.laneKilled, saw)
  }
}

const NOTHING_RAN = /never started|nothing was executed/i

async function finalAnswer(stand: Stand, { actionId }: Round): Promise<Answer> {
  for (;;) {
    const found = await stand.mcp.value('get_action_result', { action_id: actionId, wait_s: 20 })
    if (found.status === 'pending_approval') await stand.central().ask('approve', { actionId })
    else if (found.status !== 'approved' && found.status !== 'running') return found as Answer
  }
}

/** Of the agent's children those that act: a run, a settlement, or one that forgets. */
const actLanes = ({ agent }: Server): number[] =>
  childrenOf(agent.pid).flatMap(({ pid, command }) => (command.includes('lanes/main.ts act') ? [pid] : []))

const PHASES = {
  approved: () => true,
  lane: (server: Server) => actLanes(server).length > 0,
  run: (server: Server) => actLanes(server).some((lane) => childrenOf(lane).length > 0),
}
const LONGEST_WAIT_MS = 10_000

/** A point in time that nobody can foresee, before, at the start of or during a run, however fast the machine is. */
async function randomPoint(servers: readonly Server[], phases: readonly (keyof typeof PHASES)[]): Promise<void> {
  const phase = PHASES[phases[upTo(phases.length)] ?? 'approved']
  for (let waited = 0; waited < LONGEST_WAIT_MS && !servers.some(phase); waited += 5) await sleep(5)
  await sleep(upTo(350))
}

async function killLane(server: Server, round: Round): Promise<boolean> {
  await randomPoint([server], ['lane', 'run', 'run'])
  for (const pid of actLanes(server)) round.laneKilled = signal(pid, 'SIGKILL') || round.laneKilled
  return round.laneKilled
}

async function killAgent(server: Server, round: Round): Promise<boolean> {
  await randomPoint([server], ['approved', 'lane', 'run'])
  const tree = round.victim === 'tree' ? withDescendants([server.agent.pid]) : [server.agent.pid]
  round.laneKilled = round.victim === 'tree'
  for (const pid of tree) signal(pid, 'SIGKILL')
  await server.agent.ended
  server.agent = startAgentProcess(server.home)
  return true
}

/** One server's share of the kills that leave Central alone. */
async function haunt(stand: Stand, server: Server, approvers: Person[]): Promise<void> {
  for (;;) {
    const open = (['lane', 'agent', 'tree'] as const).filter((victim) => landed[victim] < KILLS[victim])
    const victim = open[upTo(open.length)]
    if (!victim) return
    const round = await askFor(stand, server, victim)
    const approved = approve(stand, round, approvers.pop())
    const hit = await (victim === 'lane' ? killLane(server, round) : killAgent(server, round))
    await approved
    await settle(stand, round)
    if (hit) landed[victim] += 1
  }
}

/** Central dies while every server has a command under way; every other time the agents die with it. */
async function hauntCentral(stand: Stand): Promise<void> {
  for (; landed.central < KILLS.central; landed.central += 1) {
    const started = await Promise.all(stand.servers.map((server) => askFor(stand, server, 'central')))
    const approved = started.map((round) => approve(stand, round).catch(() => {}))
    await randomPoint(stand.servers, ['approved', 'lane', 'run'])
    const together = landed.central % 2 === 1
    if (together) for (const { agent } of stand.servers) signal(agent.pid, 'SIGKILL')
    await stand.killCentral()
    await Promise.all(approved)
    if (together) {
      await Promise.all(stand.servers.map(({ agent }) => agent.ended))
      for (const server of stand.servers) server.agent = startAgentProcess(server.home)
    }
    await stand.startCentral()
    for (const round of started) await settle(stand, round)
  }
}

let quiet: Stand
let haunted: Stand
before(async () => {
  quiet = await createStand(3)
  haunted = await createStand(3)
})

after(async () => {
  await Promise.all([quiet, haunted].map((stand) => stand?.mcp.close().catch(() => {})))
  for (const { agent } of servers) signal(agent.pid, 'SIGTERM')
  await Promise.all(servers.map(({ agent }) => agent.ended))
  await Promise.all([...centrals].map((central) => central.kill()))
  const left = await leftovers(() => servers.flatMap(({ home }) => processesWith(home.root)))
  for (const directory of directories) rmSync(directory, { recursive: true, force: true })
  assert.deepEqual(left, [])
})

verifies(
  ['runs:once-or-not-at-all', 'runs:the-answer-is-true'],
  '200 times kill -9 of lane, agent, agent tree and Central',
  async (t) => {
    const approvers: Person[] = []
    for (let i = 0; i < 6; i++) approvers.push(await quiet.approver(`approver${i}`))
    t.after(() => t.diagnostic(`seed ${seed}; ${JSON.stringify(landed)}; ${JSON.stringify(Object.fromEntries(ends))}`))
    await Promise.all([...quiet.servers.map((server) => haunt(quiet, server, approvers)), hauntCentral(haunted)])
    for (const [victim, wanted] of Object.entries(KILLS)) assert.ok(landed[victim as Victim] >= wanted, victim)
  },
  { timeout: 600_000 },
)
