// Fleet and relay on a database of their own, with agents to connect: the real thing without the rest of Central.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { LIMITS } from '#proto/contract/limits.ts'
import { createLocalBus } from '../../central/bus/bus.ts'
import type { Clock } from '../../central/domain/clock.ts'
import { DEFAULT_POLICY } from '../../central/domain/policy.ts'
import { type CloneSighting, createFleet } from '../../central/fleet/fleet.ts'
import { loadKeys } from '../../central/fleet/keys.ts'
import type { RelayLimits } from '../../central/relay/limits.ts'
import { createRelay, type Relay } from '../../central/relay/relay.ts'
import { openDatabase } from '../../central/storage/database.ts'
import { createFleetStore, type FleetStore } from '../../central/storage/fleet.ts'
import { createWorkspacesStore, type Workspace } from '../../central/storage/workspaces.ts'
import { createCsr } from './csr.ts'
import { type AgentCredentials, createFakeAgent, type FakeAgent, type FakeAgentOptions } from './fake-agent.ts'

/** No test waits as long for what does come. */
const PATIENCE_MS = 120_000

/** The real time plus what a test has added. */
export type TestClock = Clock & { advance(ms: number): void }

export function createTestClock(): TestClock {
  let ahead = 0
  return {
    now: () => Date.now() + ahead,
    advance(ms) {
      ahead += ms
    },
  }
}

export type Enrolled = AgentCredentials & { serverId: string }

export type BootOptions = {
  limits?: Partial<RelayLimits>
  /** Servers that the plan allows. */
  servers?: number | null
  /** Whether Central has a release to offer. */
  releaseIsServed?: () => boolean
  /** Database URL; an own one in memory otherwise. */
  url?: string
  wrapStore?: (store: FleetStore) => FleetStore
}

export async function bootFleet(options: BootOptions = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'mttrly-fleet-'))
  const clock = createTestClock()
  const log = pino({ level: 'silent' })
  const db = await openDatabase({ url: options.url ?? 'sqlite::memory:', clock })
  const store = (options.wrapStore ?? ((s) => s))(createFleetStore(db))
  const workspace = await createWorkspacesStore(db).create(WORKSPACE)
  const bus = createLocalBus()
  const keysDir = join(dir, 'keys')
  const clones: CloneSighting[] = []
  const limits = { servers: options.servers ?? null }
  let port = 0
  const readKeys = () => loadKeys(keysDir, { clock, link: { dns: ['localhost'], ip: ['127.0.0.1'] } })
  let keys = await readKeys()
  const newFleet = () =>
    createFleet({
      store,
      bus,
      ca: keys.ca,
      authorities: keys.authorities,
      actionKey: keys.actionKey,
      plans: { get: async () => ({ plan: 'deployment_bro' as const, limits }) },
      clock,
      log,
      publicUrl: 'http://localhost:8080',
      linkAddress: () => `127.0.0.1:${port}`,
      onClone: (sighting) => clones.push(sighting),
      ...(options.releaseIsServed && { releaseIsServed: options.releaseIsServed }),
    })
  let fleet = newFleet()
  await fleet.start()
  const newRelay = (): Relay =>
    createRelay({
      bus,
      fleet,
      authorities: keys.authorities,
      link: keys.link,
      clock,
      log,
      listen: { host: '127.0.0.1', port },
      limits: { ...options.limits },
    })
  let relay = newRelay()
  port = (await relay.start()).port
  const agents: FakeAgent[] = []

  const booted = {
    clock,
    bus,
    store,
    keysDir,
    get keys() {
      return keys
    },
    get fleet() {
      return fleet
    },
    clones,
    limits,
    workspaceId: workspace.id,
    relay: () => relay,
    port: () => port,

    /** A host that has just been enrolled. */
    async enrol(token?: string): Promise<Enrolled> {
      const { keyPem, csrPem } = await createCsr()
      const made = token ?? (await fleet.createInstallToken({ workspaceId: workspace.id, createdBy: 'usr_test' })).token
      const answer = await fleet.enrol({ token: made, csr_pem: csrPem, hostname: 'web-1' })
      return { serverId: answer.server_id, keyPem, certificatePem: answer.certificate_pem }
    },

    /** An agent with these credentials that has not said anything yet. */
    agent(credentials: AgentCredentials, more: Partial<FakeAgentOptions> = {}): FakeAgent {
      const { keyPem, certificatePem } = credentials
      const agent = createFakeAgent({ port, caPem: keys.ca.certificatePem, keyPem, certificatePem, ...more })
      agents.push(agent)
      return agent
    },

    /** A fresh server with its agent connected. */
    async connected(more: Partial<FakeAgentOptions> = {}): Promise<{ server: Enrolled; agent: FakeAgent }> {
      const server = await booted.enrol()
      const agent = booted.agent(server, more)
      await agent.connect()
      return { server, agent }
    },

    /** Central's link goes down and comes back on the same port. */
    async restartRelay(): Promise<void> {
      await relay.stop()
      relay = newRelay()
      await relay.start()
    },

    /** All of Central stops and starts on the keys that it finds, on the same port. */
    async restart(): Promise<void> {
      await relay.stop()
      await fleet.stop()
      keys = await readKeys()
      fleet = newFleet()
      await fleet.start()
      relay = newRelay()
      await relay.start()
    },

    async stop(): Promise<void> {
      for (const agent of agents) agent.close()
      await relay.stop()
      await fleet.stop()
      await db.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
  return booted
}

export type BootedFleet = Awaited<ReturnType<typeof bootFleet>>

const WORKSPACE: Omit<Workspace, 'id'> = {
  name: 'test',
  plan: 'deployment_bro',
  overrides: {},
  policy: DEFAULT_POLICY,
  createdAt: 1,
}

/** Waits for something that must become true. @throws when it does not */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const start = Date.now(); !(await condition()); await sleep(5))
    if (Date.now() - start > PATIENCE_MS) throw new Error(`in vain for ${PATIENCE_MS} ms: ${condition}`)
}

/** Time that passes as agents beat: on a busy machine, too, who is there does not count as gone. */
export async function inBeats(ms: number, step: (ms: number) => Promise<void>): Promise<void> {
  for (let left = ms; left > 0; left -= LIMITS.heartbeat) await step(Math.min(left, LIMITS.heartbeat))
}
