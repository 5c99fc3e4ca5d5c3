// What the console needs of the other rooms, as narrow as it can be: pages see these functions and nothing else.
import type { Logger } from 'pino'
import type { Disk__Output } from '#proto/gen/mttrly/agent/v1/Disk.ts'
import type { Heartbeat__Output } from '#proto/gen/mttrly/agent/v1/Heartbeat.ts'
import type { Approvals } from '../approvals/approvals.ts'
import type { Audit } from '../audit/audit.ts'
import type { Reveal } from '../calls/reveal.ts'
import type { CallResult, IncomingCall } from '../calls/run-call.ts'
import type { Clock } from '../domain/clock.ts'
import type { Role } from '../domain/principal.ts'
import type { TrustReport } from '../fleet/rotation.ts'
import type { Identity, SessionView } from '../identity/identity.ts'
import type { OAuth } from '../oauth/oauth.ts'
import type { Plans } from '../plans/plans.ts'
import type { ActionsStore } from '../storage/actions.ts'
import type { KeptReality } from './pages/reality-card.ts'

export type Session = SessionView

export type Lane = { name: string; isolation: 'none' | 'bubblewrap' | 'systemd' }

export type Server = {
  id: string
  name: string
  online: boolean
  lastSeenAt: number | null
  agentVersion: string | null
  lanes: readonly Lane[]
  /** Whose signature alone the host believes; null where Central's word is enough. */
  approvers: readonly string[] | null
  docker: boolean
  createdAt: number
}

/** The latest heartbeat. */
export type Sample = Pick<
  Heartbeat__Output,
  'at' | 'cpuPercent' | 'memoryTotal' | 'memoryAvailable' | 'load1' | 'cpus' | 'uptimeS'
> & { disks: readonly Pick<Disk__Output, 'mount' | 'total' | 'available'>[] }

export type Alert = {
  id: string
  server_id: string
  severity: 'info' | 'warning' | 'critical'
  message: string
  raised_at: number
}

export type InstallToken = { token: string; command: string; expiresAt: number; from: 'release' | 'checkout' }

export type ConsoleFleet = {
  list(workspaceId: string): Promise<readonly Server[]>
  get(workspaceId: string, serverId: string): Promise<Server | undefined>
  status(serverId: string): Sample | undefined
  alerts: {
    list(workspaceId: string, filter: { status: 'active'; serverId?: string; limit: number }): Promise<readonly Alert[]>
  }
  /** Whom a change of Central's authority would cut off. */
  trust(workspaceId: string): Promise<TrustReport>
  createInstallToken(options: { workspaceId: string; createdBy: string }): Promise<InstallToken>
}

export type Member = { userId: string; email: string; role: Role; disabledAt: number | null }

export type ConsoleMembers = {
  list(workspaceId: string): Promise<readonly Member[]>
  set(member: { workspaceId: string; userId: string; role: Role; now: number }): Promise<'set' | 'last_owner'>
}

export type ConsoleRooms = {
  publicUrl: string
  clock: Clock
  log: Logger
  identity: Identity
  oauth: OAuth
  fleet: ConsoleFleet
  approvals: Pick<Approvals, 'get' | 'list' | 'decide'>
  reveal: Reveal
  output: Pick<ActionsStore, 'readOutput' | 'outputEnd'>
  audit: Pick<Audit, 'append' | 'list' | 'verify' | 'exportLines'>
  plans: Pick<Plans, 'get' | 'setPolicy'>
  members: ConsoleMembers
  /** The latest snapshot of a server that is kept. */
  reality: { cached(serverId: string): Promise<KeptReality | undefined> }
  releases: { current(): { manifest: { version: string } } | { why: string } }
  runCall: (call: IncomingCall) => Promise<CallResult>
  bus: { subscribe(topic: string, handler: (message: unknown) => void): () => void }
}
