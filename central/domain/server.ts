// A server as Central knows it: what its agent said of the host, and what a reader is told.
import { z } from 'zod'
import { plainText } from './text.ts'

export const ISOLATIONS = ['none', 'bubblewrap', 'systemd'] as const

/** Text from a host: bounded, and neutralised on the way in. */
const hostText = (max: number) => z.string().max(max).transform(plainText)

/** What an agent says of its host in its hello. Kept between connections. */
export const HostFacts = z.object({
  agent_version: hostText(64),
  capability_version: z.int().min(0).max(1_000_000),
  hostname: hostText(253),
  os: hostText(256),
  kernel: hostText(256),
  arch: hostText(64),
  boot_id: hostText(64),
  machine_id_hash: hostText(64),
  shell: hostText(256),
  docker: z.boolean(),
  lanes: z.array(z.object({ name: hostText(32), isolation: z.enum(ISOLATIONS) })).max(16),
  playbooks: z.array(hostText(128)).max(256),
  /** Public keys (SubjectPublicKeyInfo, base64) of those whose signature alone the host believes; null where Central's word is enough. */
  approvers: z.array(z.base64().max(512)).max(64).nullable().default(null),
})
export type HostFacts = z.output<typeof HostFacts>

export type Server = {
  id: string
  workspaceId: string
  name: string
  createdAt: number
  decommissionedAt: number | null
  lastSeenAt: number | null
  /** null until the agent has connected once. */
  facts: HostFacts | null
}

/** `capabilityVersion` is 0 and `shell` is empty until the agent has connected once. */
export type ServerView = {
  id: string
  workspaceId: string
  name: string
  online: boolean
  /** Its stream is closed, and it counts as online until then: most are back at once. */
  offlineAt: number | null
  lastSeenAt: number | null
  agentVersion: string | null
  capabilityVersion: number
  shell: string
  docker: boolean
  lanes: HostFacts['lanes']
  approvers: HostFacts['approvers']
  hostname: string
  os: string
  kernel: string
  arch: string
  createdAt: number
}

/** One sample of the host. Bytes, percent, seconds; `at` is Unix ms by the host's own clock. */
const count = z.number().min(0).max(Number.MAX_SAFE_INTEGER)
export const HostSample = z.object({
  at: count,
  cpuPercent: z.number().min(0).max(100),
  memoryTotal: count,
  memoryAvailable: count,
  swapTotal: count,
  swapFree: count,
  load1: count,
  load5: count,
  load15: count,
  cpus: z.int().min(0).max(65_536),
  uptimeS: count,
  disks: z
    .array(z.object({ mount: hostText(512), total: count, available: count, inodes: count, inodesFree: count }))
    .max(64),
})
export type HostSample = z.output<typeof HostSample>

export const CERTIFICATE_STATES = ['candidate', 'active', 'retired', 'revoked'] as const
export type CertificateState = (typeof CERTIFICATE_STATES)[number]

/** `serial`, `fingerprint` (SHA-256 of the DER) and `issuer` (the authority's fingerprint) are lower-case hex. */
export type CertificateRecord = {
  serial: string
  serverId: string
  state: CertificateState
  fingerprint: string
  issuedAt: number
  notAfter: number
  issuer: string
}

/** What decides whether an agent can come: its active certificate, and which authorities it believes (fingerprints). */
export type Standing = Pick<Server, 'id' | 'workspaceId' | 'name' | 'lastSeenAt'> & {
  certificate: Pick<CertificateRecord, 'issuer' | 'notAfter'> | null
  believes: string[]
}
