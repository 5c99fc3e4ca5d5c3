// The fleet: which servers there are, who is connected, what their agents may show as identity, and which thresholds are
// crossed. Imported by relay (which feeds it), calls, tools and the console (which read it).

import { createPublicKey, type KeyObject } from 'node:crypto'
import type { Logger } from 'pino'
import type { EnrolmentAnswer, EnrolmentRequest } from '#proto/contract/enrolment.ts'
import { CatalogueError } from '#proto/contract/errors.ts'
import type { Bus } from '../bus/bus.ts'
import { type Alert, readingsOf } from '../domain/alerts.ts'
import type { Clock } from '../domain/clock.ts'
import type { CertificateRecord, HostFacts, HostSample, Server, ServerView } from '../domain/server.ts'
import type { FleetStore } from '../storage/fleet.ts'
import { createAlertWatch } from './alerts.ts'
import type { Authority } from './authorities.ts'
import type { Ca } from './ca.ts'
import { createCredentials } from './credentials.ts'
import { createEnrolment, type EnrolmentRooms, type InstallToken } from './enrolment.ts'
import { createPresence } from './presence.ts'
import { attributeOld, readTrust, type TrustReport } from './rotation.ts'

export type { ServerView } from '../domain/server.ts'

/** Two hosts showed one identity. `peer` is the address of the one that was refused. */
export type CloneSighting = { workspaceId: string; serverId: string; peer: string; hostname: string }

export type FleetRooms = {
  store: FleetStore
  bus: Bus
  ca: Ca
  /** All that are believed, the issuing one first. */
  authorities: readonly Authority[]
  /** Signs grants; its public half is pinned by agents. */
  actionKey: KeyObject
  plans: EnrolmentRooms['plans']
  clock: Clock
  log: Logger
  publicUrl: string
  /** host:port that agents connect to; asked late, because the port may be chosen at start. */
  linkAddress: () => string
  /** For the audit log: without its line no token is made. */
  onToken?: (owner: { workspaceId: string; createdBy: string; serverId?: string }) => Promise<void>
  /** Whether there is a release for hosts to install; asked late, because one can come at any time. */
  releaseIsServed?: () => boolean
  /** For the audit log. */
  onClone?: (sighting: CloneSighting) => void
  onEnrolled?: (server: { workspaceId: string; serverId: string; known: boolean }) => void
  onAlert?: (alert: Alert) => void
}

const SWEEP = 1_000
const FLUSH = 60_000
const PRUNE = 3_600_000
const DAY = 24 * PRUNE
/** After Central has started, its agents have this long to come back before anybody is alarmed. */
const RETURN = 60_000
const CLONE_REMEMBERED = 3_600_000

export function createFleet(rooms: FleetRooms) {
  const { store, bus, clock, log } = rooms
  const presence = createPresence({ store: store.servers, bus, clock, log })
  const watch = createAlertWatch({ store: store.alerts, clock, log, onChange: rooms.onAlert })
  const credentials = createCredentials(rooms)
  const enrolment = createEnrolment({
    ...rooms,
    releaseIsServed: rooms.releaseIsServed ?? (() => false),
    actionKeyPem: createPublicKey(rooms.actionKey).export({ type: 'spki', format: 'pem' }).toString(),
  })
  const certificates = new Map<string, Pick<CertificateRecord, 'issuedAt' | 'notAfter'>>()
  const cloneSeen = new Map<string, number>()
  const timers: NodeJS.Timeout[] = []
  let startedAt = clock.now()

  const view = (server: Server): ServerView => {
    const there = presence.get(server.id)
    const lastSeenAt = there?.lastSeen ?? server.lastSeenAt
    return viewOf(server, { online: there?.online ?? false, offlineAt: presence.offlineAt(server.id), lastSeenAt })
  }

  async function existing(workspaceId: string, serverId: string): Promise<Server> {
    const server = await store.servers.get(workspaceId, serverId)
    if (!server) throw new CatalogueError('SERVER_NOT_FOUND', { server_id: serverId })
    return server
  }

  function requireOffline(serverId: string): void {
    if (presence.get(serverId)?.online) throw new CatalogueError('SERVER_ONLINE', { server_id: serverId })
  }

  /** Whatever stream its agent has open is closed, wherever it is. */
  const credentialsTaken = (serverId: string) => bus.publish('certificate_revoked', { server_id: serverId })

  /** Alerts that follow from time passing rather than from a heartbeat. */
  function watchTime(): void {
    const now = clock.now()
    presence.sweep()
    for (const [id, entry] of presence.entries()) {
      const server = { id, workspaceId: entry.workspaceId }
      if (entry.online) {
        if (watch.isActive(id, 'offline')) watch.observe(server, { offline: { value: 0 } })
      } else if (entry.lastSeen !== null && now - startedAt >= RETURN && !watch.isActive(id, 'offline')) {
        watch.observe(server, { offline: { value: 1 } })
      }
    }
  }

  function watchSlowly(): void {
    const now = clock.now()
    for (const [id, entry] of presence.entries()) {
      const server = { id, workspaceId: entry.workspaceId }
      const certificate = certificates.get(id)
      if (certificate) watch.observe(server, { certificate: { value: spent(certificate, now) } })
      if (!watch.isActive(id, 'clone') || now - (cloneSeen.get(id) ?? startedAt) < CLONE_REMEMBERED) continue
      cloneSeen.delete(id)
      watch.observe(server, { clone: { value: 0 } })
    }
  }

  async function flush(): Promise<void> {
    watchSlowly()
    await presence.flush()
    await watch.save()
  }

  async function prune(): Promise<void> {
    const now = clock.now()
    await store.installTokens.prune(now - 7 * DAY)
    await store.certificates.prune(now - 90 * DAY)
  }

  const report = (error: unknown) => log.error({ err: error }, 'fleet upkeep failed')

  return {
    /** Learns whom to expect, and begins to watch the time. */
    async start(): Promise<void> {
      startedAt = clock.now()
      await attributeOld(rooms)
      for (const server of await store.servers.all()) presence.expect(server.id, server.workspaceId, server.lastSeenAt)
      await watch.load()
      timers.push(setInterval(watchTime, SWEEP).unref(), setInterval(() => flush().catch(report), FLUSH).unref())
      timers.push(setInterval(() => prune().catch(report), PRUNE).unref())
    },
    async stop(): Promise<void> {
      for (const timer of timers.splice(0)) clearInterval(timer)
      await flush()
    },
    /** What the timers do, for those who own the clock. */
    upkeep: { watchTime, flush, prune },

    async list(workspaceId: string): Promise<ServerView[]> {
      return (await store.servers.list(workspaceId)).map(view)
    },
    async get(workspaceId: string, serverId: string): Promise<ServerView | undefined> {
      const server = await store.servers.get(workspaceId, serverId)
      return server && view(server)
    },
    /** The latest heartbeat, also of a server that has gone offline since Central started. */
    status: (serverId: string): HostSample | undefined => presence.get(serverId)?.sample,
    alerts: { list: watch.list },
    /** Whom a change of authority would cut off. */
    trust: (workspaceId: string): Promise<TrustReport> => readTrust(rooms, workspaceId),

    /** @throws CatalogueError PLAN_REQUIRED, or SERVER_NOT_FOUND where a known server is to be enrolled again */
    async createInstallToken(owner: {
      workspaceId: string
      createdBy: string
      serverId?: string
    }): Promise<InstallToken> {
      if (owner.serverId === undefined) await enrolment.requireRoomFor(owner.workspaceId)
      else await existing(owner.workspaceId, owner.serverId)
      await rooms.onToken?.(owner)
      return enrolment.createToken(store, owner)
    },

    /** @throws CatalogueError AUTH_FAILED, VALIDATION_ERROR, PLAN_REQUIRED */
    async enrol(request: EnrolmentRequest): Promise<EnrolmentAnswer> {
      const { answer, workspaceId, known } = await enrolment.enrol(request)
      presence.expect(answer.server_id, workspaceId)
      if (known) credentialsTaken(answer.server_id)
      log.info({ server_id: answer.server_id, known }, 'server enrolled')
      rooms.onEnrolled?.({ workspaceId, serverId: answer.server_id, known })
      return answer
    },

    /**
     * Takes the present credentials back and makes a command that gives new ones.
     * @throws CatalogueError SERVER_NOT_FOUND, SERVER_ONLINE
     */
    async regenerate(workspaceId: string, serverId: string, createdBy: string): Promise<HostCommands> {
      await existing(workspaceId, serverId)
      requireOffline(serverId)
      const made = await store.transaction(async (tx) => {
        await tx.servers.lock(serverId)
        await tx.certificates.revokeAll(serverId)
        await tx.installTokens.withdraw(serverId, clock.now())
        return enrolment.createToken(tx, { workspaceId, createdBy, serverId })
      })
      credentialsTaken(serverId)
      return commandsOf(made)
    },

    /**
     * Makes a command that mends the host of this server. It stays who it is where that still works; the present
     * credentials hold until the token is used. What the host cannot know, that Central would refuse it (revoked, another
     * authority), the command says. A server may be online and need it: with a lane that is dead no repair reaches the host.
     * @throws CatalogueError SERVER_NOT_FOUND
     */
    async recover(workspaceId: string, serverId: string, createdBy: string): Promise<HostCommands> {
      await existing(workspaceId, serverId)
      const made = await store.transaction(async (tx) => {
        await tx.servers.lock(serverId)
        await tx.installTokens.withdraw(serverId, clock.now())
        const { servers } = await readTrust({ ...rooms, store: tx }, workspaceId)
        const keepWhoItIs = servers.find(({ id }) => id === serverId)?.alreadyLost === undefined
        return enrolment.createToken(tx, { workspaceId, createdBy, serverId, keepWhoItIs })
      })
      return commandsOf(made)
    },

    /** When the certificate that the agent uses ends; undefined when it has none that holds. */
    async certificateExpiry(serverId: string): Promise<number | undefined> {
      const held = await store.certificates.ofServer(serverId)
      return held.findLast(({ state }) => state === 'active')?.notAfter
    },

    /**
     * Takes the server out of the registry; nothing happens on its host.
     * @throws CatalogueError SERVER_NOT_FOUND, SERVER_ONLINE
     */
    async decommission(workspaceId: string, serverId: string): Promise<void> {
      await existing(workspaceId, serverId)
      requireOffline(serverId)
      await store.transaction(async (tx) => {
        await tx.servers.lock(serverId)
        await tx.servers.decommission(serverId, clock.now())
        await tx.certificates.revokeAll(serverId)
        await tx.installTokens.withdraw(serverId, clock.now())
      })
      credentialsTaken(serverId)
      presence.forget(serverId)
      certificates.delete(serverId)
      cloneSeen.delete(serverId)
      await watch.forget(serverId)
    },

    /** What the relay asks and reports. */
    link: {
      ...credentials,
      opened(server: { id: string; workspaceId: string }, certificate: CertificateRecord): void {
        certificates.set(server.id, { issuedAt: certificate.issuedAt, notAfter: certificate.notAfter })
        presence.opened(server.id, server.workspaceId)
        watch.observe(server, { offline: { value: 0 }, certificate: { value: spent(certificate, clock.now()) } })
      },
      closed: presence.closed,
      heartbeat(server: { id: string; workspaceId: string }, sample: HostSample): void {
        presence.heartbeat(server.id, sample)
        watch.observe(server, readingsOf(sample))
      },
      /** Written only when it says something new: a thousand agents that come back change nothing. */
      async saveFacts(serverId: string, facts: HostFacts): Promise<void> {
        const known = await store.servers.find(serverId)
        if (JSON.stringify(known?.facts) !== JSON.stringify(facts)) await store.servers.saveFacts(serverId, facts)
      },
      cloneSeen(sighting: CloneSighting): void {
        const { serverId, workspaceId, peer } = sighting
        cloneSeen.set(serverId, clock.now())
        log.warn({ server_id: serverId, peer }, 'a second agent showed the identity of a connected server')
        watch.observe({ id: serverId, workspaceId }, { clone: { value: 1 } })
        rooms.onClone?.(sighting)
      },
    },
  }
}

export type Fleet = ReturnType<typeof createFleet>

/** What a person pastes on a host: as root, and from another account. */
export type HostCommands = { command: string; sudo_command?: string; expires_at: string }

const commandsOf = ({ command, sudoCommand, expiresAt }: InstallToken): HostCommands => ({
  command,
  ...(sudoCommand && { sudo_command: sudoCommand }),
  expires_at: new Date(expiresAt).toISOString(),
})

/** Percent of a certificate's life that is over. */
const spent = ({ issuedAt, notAfter }: Pick<CertificateRecord, 'issuedAt' | 'notAfter'>, now: number): number =>
  Math.min(100, Math.max(0, (100 * (now - issuedAt)) / Math.max(1, notAfter - issuedAt)))

function viewOf(
  { facts, ...server }: Server,
  there: Pick<ServerView, 'online' | 'offlineAt' | 'lastSeenAt'>,
): ServerView {
  return {
    id: server.id,
    workspaceId: server.workspaceId,
    name: server.name,
    ...there,
    agentVersion: facts?.agent_version ?? null,
    capabilityVersion: facts?.capability_version ?? 0,
    shell: facts?.shell ?? '',
    docker: facts?.docker ?? false,
    lanes: facts?.lanes ?? [],
    approvers: facts?.approvers ?? null,
    hostname: facts?.hostname ?? '',
    os: facts?.os ?? '',
    kernel: facts?.kernel ?? '',
    arch: facts?.arch ?? '',
    createdAt: server.createdAt,
  }
}
