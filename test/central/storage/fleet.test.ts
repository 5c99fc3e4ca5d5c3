import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createId } from '../../../central/domain/ids.ts'
import { DEFAULT_POLICY } from '../../../central/domain/policy.ts'
import type { HostFacts } from '../../../central/domain/server.ts'
import type { Database } from '../../../central/storage/database.ts'
import { createFleetStore } from '../../../central/storage/fleet.ts'
import { createWorkspacesStore } from '../../../central/storage/workspaces.ts'
import { forEachDatabase } from './for-each-database.ts'

const FACTS: HostFacts = {
  agent_version: '1.2.3',
  capability_version: 1,
  hostname: 'h',
  os: 'o',
  kernel: 'k',
  arch: 'a',
  boot_id: 'b',
  machine_id_hash: 'm',
  shell: '/bin/sh',
  docker: true,
  lanes: [{ name: 'read', isolation: 'systemd' }],
  playbooks: [],
  approvers: null,
}

async function setUp(db: Database) {
  const store = createFleetStore(db)
  const workspaces = createWorkspacesStore(db)
  const workspace = await workspaces.create({
    name: 'w',
    plan: 'watchdog',
    overrides: {},
    policy: DEFAULT_POLICY,
    createdAt: 1,
  })
  const addServer = async (createdAt = 1) => {
    const id = createId('server')
    await store.servers.insert({ id, workspaceId: workspace.id, name: 'n', createdAt })
    return id
  }
  const addCertificate = async (
    serverId: string,
    state: 'candidate' | 'active' = 'active',
    notAfter = 100,
    issuer = 'a',
  ) => {
    const serial = createId('server').slice(4)
    const fingerprint = serial.repeat(2)
    await store.certificates.insert({ serial, serverId, state, fingerprint, issuedAt: 1, notAfter, issuer })
    return serial
  }
  const statesOf = async (serverId: string) => {
    const all = await store.certificates.ofServer(serverId)
    return Object.fromEntries(all.map(({ serial, state }) => [serial, state]))
  }
  return { store, workspaceId: workspace.id, addServer, addCertificate, statesOf }
}

forEachDatabase('fleet repositories', (open) => {
  test('servers: insert, facts, last seen, list and count without the decommissioned', async () => {
    const { store, workspaceId, addServer } = await setUp(await open())
    const [one, two] = [await addServer(1), await addServer(2)]
    assert.equal((await store.servers.get(workspaceId, one))?.facts, null)
    await store.servers.saveFacts(one, FACTS)
    await store.servers.touch([one, two], 1_750_000_000_123)
    const server = await store.servers.get(workspaceId, one)
    assert.deepEqual(server?.facts, FACTS)
    assert.equal(server?.lastSeenAt, 1_750_000_000_123)
    assert.equal(await store.servers.get('wsp_other', one), undefined)
    assert.equal(await store.servers.decommission(one, 9), true)
    assert.equal(await store.servers.decommission(one, 10), false)
    assert.deepEqual(
      (await store.servers.list(workspaceId)).map(({ id }) => id),
      [two],
    )
    assert.equal(await store.servers.count(workspaceId), 1)
    assert.deepEqual(await store.servers.all(), [{ id: two, workspaceId, lastSeenAt: 1_750_000_000_123 }])
    assert.equal((await store.servers.find(one))?.decommissionedAt, 9)
  })

  test('certificates: a candidate is committed once, and the others retire with it', async () => {
    const { store, addServer, addCertificate, statesOf } = await setUp(await open())
    const serverId = await addServer()
    const [active, first, second] = [
      await addCertificate(serverId),
      await addCertificate(serverId, 'candidate'),
      await addCertificate(serverId, 'candidate'),
    ]
    const bystander = await addServer()
    const untouched = await addCertificate(bystander)
    assert.equal(await store.certificates.commit(bystander, first), false)
    assert.equal(await store.certificates.commit(serverId, first), true)
    assert.equal(await store.certificates.commit(serverId, first), false)
    assert.equal(await store.certificates.commit(serverId, second), false)
    assert.deepEqual(await statesOf(serverId), { [active]: 'retired', [first]: 'active', [second]: 'retired' })
    assert.deepEqual(await statesOf(bystander), { [untouched]: 'active' })
    const holder = await store.certificates.holder(first)
    assert.deepEqual([holder?.serverId, holder?.decommissionedAt, holder?.state], [serverId, null, 'active'])
    await store.certificates.revokeAll(serverId)
    assert.equal(await store.certificates.commit(serverId, second), false)
    assert.deepEqual(Object.values(await statesOf(serverId)), ['revoked', 'revoked', 'revoked'])
    await store.certificates.prune(101)
    assert.deepEqual(await statesOf(serverId), {})
  })

  test('install tokens: taken once, also by many at once; not when expired or withdrawn', async () => {
    const { store, workspaceId, addServer } = await setUp(await open())
    const serverId = await addServer()
    const add = (hash: string, of: string | null = null) =>
      store.installTokens.insert({ hash, workspaceId, serverId: of, createdBy: 'u', createdAt: 1, expiresAt: 100 })
    await add('a')
    const takes = await Promise.all(Array.from({ length: 10 }, () => store.installTokens.take('a', 50)))
    assert.equal(takes.filter(Boolean).length, 1)
    assert.equal(await store.installTokens.peek('a', 50), undefined)
    await add('b')
    assert.equal(await store.installTokens.take('b', 100), false)
    assert.equal((await store.installTokens.peek('b', 99))?.workspaceId, workspaceId)
    await add('c', serverId)
    await store.installTokens.withdraw(serverId, 60)
    assert.equal(await store.installTokens.take('c', 61), false)
    assert.equal(await store.installTokens.take('nothing', 61), false)
  })

  test('a failed transaction leaves nothing behind', async () => {
    const { store, workspaceId } = await setUp(await open())
    await store.installTokens.insert({
      hash: 't',
      workspaceId,
      serverId: null,
      createdBy: 'u',
      createdAt: 1,
      expiresAt: 100,
    })
    const failing = store.transaction(async (tx) => {
      await tx.installTokens.take('t', 2)
      await tx.servers.lockWorkspace(workspaceId)
      await tx.servers.insert({ id: createId('server'), workspaceId, name: 'n', createdAt: 1 })
      throw new Error('stop')
    })
    await assert.rejects(failing, /stop/)
    assert.equal(await store.servers.count(workspaceId), 0)
    assert.equal(await store.installTokens.take('t', 2), true)
  })

  test('standings: the active certificate and who is believed, of one workspace or of all', async () => {
    const { store, workspaceId, addServer, addCertificate } = await setUp(await open())
    const [bare, renewing, gone] = [await addServer(1), await addServer(2), await addServer(3)]
    await addCertificate(renewing, 'active', 100, 'a')
    await addCertificate(renewing, 'candidate', 200, 'b')
    await store.servers.saveAuthorities(renewing, ['b', 'a'])
    await store.servers.decommission(gone, 9)
    const rest = { workspaceId, name: 'n', lastSeenAt: null }
    const expected = [
      { id: bare, ...rest, certificate: null, believes: [] },
      { id: renewing, ...rest, certificate: { issuer: 'a', notAfter: 100 }, believes: ['b', 'a'] },
    ]
    assert.deepEqual(await store.servers.standings(workspaceId), expected)
    assert.deepEqual(await store.servers.standings(), expected)
    assert.deepEqual(await store.servers.standings('wsp_other'), [])
  })

  test('what is older than the second authority is the first one’s, and nothing else is', async () => {
    const { store, addServer, addCertificate } = await setUp(await open())
    const [old, newer] = [await addServer(1), await addServer(2)]
    await addCertificate(old, 'active', 100, '')
    await addCertificate(newer, 'active', 100, 'b')
    await store.servers.saveAuthorities(newer, ['b'])
    await store.certificates.attribute('a')
    await store.servers.attribute('a')
    const standings = await store.servers.standings()
    assert.deepEqual(
      standings.map(({ certificate, believes }) => [certificate?.issuer, believes]),
      [
        ['a', ['a']],
        ['b', ['b']],
      ],
    )
  })

  test('alerts: saved by id, read back whole', async () => {
    const { store, workspaceId, addServer } = await setUp(await open())
    const serverId = await addServer()
    const alert = {
      id: 'alr_1',
      workspace_id: workspaceId,
      server_id: serverId,
      kind: 'disk',
      severity: 'warning',
      status: 'active',
      message: 'm',
      value: 87.25,
      raised_at: 5,
      resolved_at: null,
    } as const
    await store.alerts.save(alert)
    await store.alerts.save({ ...alert, severity: 'critical', value: null })
    assert.deepEqual(await store.alerts.active(), [{ ...alert, severity: 'critical', value: null }])
    await store.alerts.resolveAll(serverId, 9)
    assert.deepEqual(await store.alerts.active(serverId), [])
    assert.deepEqual(
      (await store.alerts.list(workspaceId, { limit: 1 })).map((a) => a.resolved_at),
      [9],
    )
  })
})
