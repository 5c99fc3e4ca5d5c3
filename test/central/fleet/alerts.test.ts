import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { LIMITS } from '#proto/contract/limits.ts'
import type { Alert } from '../../../central/domain/alerts.ts'
import { HostSample } from '../../../central/domain/server.ts'
import { createFleet } from '../../../central/fleet/fleet.ts'
import { heartbeatOf } from '../../helpers/fake-agent.ts'
import { type BootedFleet, type BootOptions, bootFleet, until } from '../../helpers/fleet.ts'

const open: BootedFleet[] = []
const boot = async (options?: BootOptions) => {
  const booted = await bootFleet(options)
  open.push(booted)
  return booted
}
afterEach(async () => {
  for (const booted of open.splice(0)) await booted.stop()
})

const full = HostSample.parse({
  ...heartbeatOf({ disks: [{ mount: '/var', total: 100, available: 1, inodes: 10, inodesFree: 9 }] }),
  swapTotal: 0,
  swapFree: 0,
})
const list = ({ fleet, workspaceId }: BootedFleet, filter: Partial<Parameters<typeof fleet.alerts.list>[1]> = {}) =>
  fleet.alerts.list(workspaceId, { limit: 50, ...filter })
const brief = (alerts: readonly Alert[]) => alerts.map(({ kind, severity, status }) => `${kind} ${severity} ${status}`)

test('a full disk raises an alert that names it, and space resolves it', async () => {
  const booted = await boot()
  const { server, agent } = await booted.connected()
  const fullDisk = heartbeatOf({ disks: [{ mount: '/var', total: 100, available: 1, inodes: 10, inodesFree: 9 }] })
  agent.heartbeat(fullDisk)
  agent.heartbeat(fullDisk)
  await until(async () => (await list(booted)).length === 1)
  const [alert] = await list(booted)
  assert.equal(alert?.message, 'Disk 99 % full on /var')
  assert.deepEqual(brief(await list(booted, { serverId: server.serverId, status: 'active' })), ['disk critical active'])
  agent.heartbeat()
  agent.heartbeat()
  await until(async () => (await list(booted, { status: 'active' })).length === 0)
  assert.deepEqual(brief(await list(booted)), ['disk critical resolved'])
})

test('a server that goes away raises one alert, and its return resolves it', async () => {
  const booted = await boot()
  const { server, agent } = await booted.connected()
  booted.clock.advance(120_000)
  agent.heartbeat()
  await until(() => booted.fleet.status(server.serverId) !== undefined)
  agent.close()
  await until(() => booted.relay().counters().connected === 0)
  booted.clock.advance(LIMITS.reconnectGrace)
  booted.fleet.upkeep.watchTime()
  booted.fleet.upkeep.watchTime()
  await until(async () => (await list(booted)).length === 1)
  assert.deepEqual(brief(await list(booted)), ['offline critical active'])
  await booted.agent(server).connect()
  await until(async () => (await list(booted, { status: 'active' })).length === 0)
  assert.equal((await list(booted)).length, 1)
})

test('after a start nobody is alarmed before the agents had time to come back; who has never come raises nothing', async () => {
  const booted = await boot()
  const { server } = await booted.connected()
  await booted.enrol()
  await booted.fleet.upkeep.flush()
  const restarted = createFleet({
    store: booted.store,
    bus: booted.bus,
    ca: booted.keys.ca,
    authorities: booted.keys.authorities,
    actionKey: booted.keys.actionKey,
    plans: { get: async () => ({ plan: 'watchdog', limits: { servers: null } }) },
    clock: booted.clock,
    log: (await import('pino')).pino({ level: 'silent' }),
    publicUrl: 'http://localhost:1',
    linkAddress: () => '',
  })
  await restarted.start()
  booted.clock.advance(59_000)
  restarted.upkeep.watchTime()
  await restarted.upkeep.flush()
  assert.deepEqual(await list(booted), [])
  booted.clock.advance(1_000)
  restarted.upkeep.watchTime()
  await restarted.upkeep.flush()
  const alerts = await list(booted)
  assert.deepEqual(
    alerts.map(({ server_id }) => server_id),
    [server.serverId],
  )
  await restarted.stop()
})

test('a restart goes on with the alerts that are active', async () => {
  const booted = await boot()
  const { serverId } = await booted.enrol()
  const server = { id: serverId, workspaceId: booted.workspaceId }
  for (let i = 0; i < 2; i++) booted.fleet.link.heartbeat(server, full)
  await booted.fleet.upkeep.flush()
  await booted.fleet.stop()
  await booted.fleet.start()
  for (let i = 0; i < 5; i++) booted.fleet.link.heartbeat(server, full)
  await booted.fleet.upkeep.flush()
  assert.deepEqual(brief(await list(booted)), ['disk critical active'])
})

test('an alert that a dead database did not take is saved later', async () => {
  let broken = true
  const booted = await boot({
    wrapStore: (store) => ({
      ...store,
      alerts: {
        ...store.alerts,
        save: (alert) => (broken ? Promise.reject(new Error('dead')) : store.alerts.save(alert)),
      },
    }),
  })
  const { serverId } = await booted.enrol()
  for (let i = 0; i < 2; i++) booted.fleet.link.heartbeat({ id: serverId, workspaceId: booted.workspaceId }, full)
  await booted.fleet.upkeep.flush()
  assert.deepEqual(await list(booted), [])
  broken = false
  await booted.fleet.upkeep.flush()
  assert.deepEqual(brief(await list(booted)), ['disk critical active'])
})

test('a certificate that is not renewed raises alerts of growing severity', async () => {
  const booted = await boot()
  await booted.connected()
  const seen: string[] = []
  for (const share of [0.6, 0.11, 0.16, 0.1]) {
    booted.clock.advance(share * LIMITS.certificateLife)
    await booted.fleet.upkeep.flush()
    seen.push(...brief(await list(booted)).filter((line) => line.startsWith('certificate')))
  }
  assert.deepEqual(seen, ['certificate info active', 'certificate warning active', 'certificate critical active'])
})

test('alerts are listed by severity, status, server and time, in pages', async () => {
  const booted = await boot()
  const [one, two] = [await booted.enrol(), await booted.enrol()]
  const now = booted.clock.now()
  const make = (n: number, more: Partial<Alert>): Alert => ({
    id: `alr_${n}`,
    workspace_id: booted.workspaceId,
    server_id: one.serverId,
    kind: 'cpu',
    severity: 'warning',
    status: 'resolved',
    message: 'm',
    value: 1.5,
    raised_at: now + n,
    resolved_at: now,
    ...more,
  })
  for (let n = 1; n <= 5; n++) await booted.store.alerts.save(make(n, {}))
  await booted.store.alerts.save(
    make(6, { severity: 'critical', server_id: two.serverId, status: 'active', raised_at: 1, resolved_at: null }),
  )
  await booted.store.alerts.save(make(7, { raised_at: 2 }))
  const ids = async (filter: Parameters<typeof list>[1]) => (await list(booted, filter)).map(({ id }) => id)
  assert.deepEqual(await ids({ severity: 'critical' }), ['alr_6'])
  assert.deepEqual(await ids({ status: 'active' }), ['alr_6'])
  assert.deepEqual(await ids({ serverId: two.serverId }), ['alr_6'])
  assert.deepEqual(await ids({ since: now }), ['alr_5', 'alr_4', 'alr_3', 'alr_2', 'alr_1', 'alr_6'])
  assert.deepEqual(await ids({ limit: 2 }), ['alr_5', 'alr_4'])
  assert.deepEqual(await ids({ limit: 3, after: 'alr_4' }), ['alr_3', 'alr_2', 'alr_1'])
  assert.deepEqual(await ids({ after: 'alr_1' }), ['alr_7', 'alr_6'])
  assert.equal((await list(booted, { serverId: one.serverId }))[0]?.value, 1.5)
})
