// What runs on a host and how it is, at one moment, in the words of both tiers: agent/reality says them, central/reality
// reads, keeps and compares them.
import { z } from 'zod'

/** Longest list of each section; what a host has beyond it is counted in `omitted`. */
export const MOST = {
  units: 600,
  processes: 400,
  listeners: 400,
  runtimes: 200,
  sites: 300,
  stores: 60,
  schedules: 200,
  supervised: 200,
  certificates: 200,
  mounts: 120,
  deploys: 60,
  changes: 200,
  containers: 200,
} as const
export type Section = keyof typeof MOST

/** Bytes of a snapshot as JSON. */
export const SNAPSHOT_MAX = 1024 * 1024
export const TEXT_MAX = 500
const text = z.string().max(TEXT_MAX)
/** Unix ms. */
const time = z.number().int()
const count = z.number().int().nonnegative()

export const HEALTH_STATES = ['ok', 'degraded', 'failed', 'stopped', 'unknown'] as const

/** Where a statement comes from: a path on the host or a command, and when it was read. */
export const Evidence = z.object({ source: text, at: time })
export const Health = z.object({ state: z.enum(HEALTH_STATES), why: text, evidence: Evidence })
export type Health = z.infer<typeof Health>

/** To whom a process belongs, from its cgroup. */
export const Owner = z.object({
  kind: z.enum(['unit', 'user-unit', 'session', 'container', 'machine', 'kernel', 'none']),
  name: text,
})
export type Owner = z.infer<typeof Owner>

export const Host = z.object({
  hostname: text,
  os: z.object({ id: text, version: text, name: text }),
  kernel: text,
  architecture: text,
  bootedAt: time,
  bootId: text,
  init: z.enum(['systemd', 'openrc', 'other']),
  processes: count,
  /** A letter of /proc/<pid>/stat → how many: D waits for a disk, Z was never waited for. */
  processStates: z.record(z.string().max(1), count),
  sockets: z.record(z.string().max(40), count),
})

export const Unit = z.object({
  id: text,
  kind: z.enum(['service', 'socket', 'timer', 'path', 'mount', 'other']),
  description: text,
  load: text,
  active: text,
  sub: text,
  /** enabled, disabled, static, masked … */
  startup: text,
  result: text,
  restarts: count,
  mainPid: count.optional(),
  memory: count.optional(),
  cpuMs: count.optional(),
  since: time.optional(),
  user: text.optional(),
  directory: text.optional(),
  file: text.optional(),
  dropIns: z.array(text).max(20),
  triggers: z.array(text).max(20),
  health: Health,
})
export type Unit = z.infer<typeof Unit>

export const Process = z.object({
  pid: count,
  name: text,
  command: text,
  user: text,
  state: text,
  memory: count,
  threads: count,
  cpuMs: count,
  since: time,
  /** The program on disk is no longer the one that runs. */
  replaced: z.boolean(),
})
export const ProcessGroup = z.object({
  owner: Owner,
  cgroup: text,
  count,
  memory: count,
  cpuMs: count,
  /** The largest. */
  processes: z.array(Process).max(16),
})
export type ProcessGroup = z.infer<typeof ProcessGroup>

export const Listener = z.object({
  protocol: z.enum(['tcp', 'udp', 'unix']),
  /** An IP address, or the path of a unix socket; `@` begins an abstract one. */
  address: text,
  port: count.optional(),
  pid: count.optional(),
  process: text.optional(),
  owner: Owner.optional(),
  /** What said whose it is. */
  ownerFrom: text.optional(),
})
export type Listener = z.infer<typeof Listener>

export const RUNTIMES = ['node', 'bun', 'deno', 'python', 'php', 'java', 'ruby', 'go', 'dotnet'] as const
export const Runtime = z.object({
  runtime: z.enum(RUNTIMES),
  version: text.optional(),
  /** What said the version. */
  versionFrom: text.optional(),
  program: text,
  directory: text.optional(),
  user: text,
  owner: Owner,
  pids: z.array(count).max(64),
  memory: count,
  health: Health,
})
export type Runtime = z.infer<typeof Runtime>

export const Site = z.object({
  server: z.enum(['nginx', 'apache', 'caddy']),
  names: z.array(text).max(50),
  listens: z.array(text).max(50),
  root: text.optional(),
  upstreams: z.array(z.object({ location: text, target: text, members: z.array(text).max(50) })).max(100),
  certificates: z.array(text).max(20),
  file: text,
  health: Health,
})
export type Site = z.infer<typeof Site>

/** Servers of a known make: where the sites, data, keys and messages of a host are. */
export const STORE_KINDS = ['web', 'proxy', 'database', 'cache', 'queue', 'search', 'mail', 'dns', 'monitor'] as const
export const Store = z.object({
  kind: z.enum(STORE_KINDS),
  software: text,
  version: text.optional(),
  owner: Owner.optional(),
  pid: count.optional(),
  dataDirectory: text.optional(),
  config: text.optional(),
  /** Chosen settings alone. */
  settings: z.record(z.string().max(60), text),
  connections: z.object({ used: count, most: count.optional() }).optional(),
  health: Health,
})
export type Store = z.infer<typeof Store>

export const Schedule = z.object({
  kind: z.enum(['cron', 'timer']),
  /** A timer's unit; file and line of a cron job. */
  name: text,
  when: text,
  command: text,
  user: text.optional(),
  last: time.optional(),
  next: time.optional(),
  health: Health,
})
export type Schedule = z.infer<typeof Schedule>

export const Supervised = z.object({
  supervisor: z.enum(['pm2', 'supervisor']),
  name: text,
  command: text,
  directory: text.optional(),
  user: text.optional(),
  pids: z.array(count).max(64),
  restarts: count.optional(),
  health: Health,
})
export type Supervised = z.infer<typeof Supervised>

export const Certificate = z.object({
  path: text,
  subject: text,
  issuer: text,
  names: z.array(text).max(100),
  notBefore: time,
  notAfter: time,
  fingerprint: text,
  usedBy: z.array(text).max(50),
  health: Health,
})
export type Certificate = z.infer<typeof Certificate>

export const Mount = z.object({
  path: text,
  device: text,
  kind: text,
  readOnly: z.boolean(),
  total: count.optional(),
  available: count.optional(),
  inodes: count.optional(),
  inodesFree: count.optional(),
  health: Health,
})
export type Mount = z.infer<typeof Mount>

export const Packages = z.object({
  manager: z.enum(['dpkg', 'rpm', 'apk', 'none']),
  count,
  broken: z.array(text).max(100),
  lockedBy: count.optional(),
  /** Where that can be told without asking a mirror. */
  upgrades: z.object({ all: count, security: count }).optional(),
  refreshedAt: time.optional(),
  rebootRequired: z.boolean(),
  /** Name → version, so that two snapshots can be compared. */
  installed: z.record(z.string().max(200), z.string().max(200)),
  health: Health,
})
export type Packages = z.infer<typeof Packages>

/** The working tree that a service runs from. */
export const Deploy = z.object({
  directory: text,
  commit: z.string().max(64),
  branch: text.optional(),
  at: time.optional(),
  message: text.optional(),
  usedBy: z.array(text).max(50),
})
export type Deploy = z.infer<typeof Deploy>

export const Change = z.object({
  kind: z.enum(['package', 'unit-file', 'config', 'deploy', 'image']),
  subject: text,
  from: text.optional(),
  to: text.optional(),
  at: time,
  by: text.optional(),
  source: text,
})
export type Change = z.infer<typeof Change>

/** Filled by whoever may ask the container engine; this room sees containers only as owners of processes. */
export const Container = z.object({
  id: text,
  name: text,
  image: text,
  imageDigest: text.optional(),
  state: text,
  restarts: count,
  since: time.optional(),
  ports: z.array(text).max(100),
  /** Of the compose file it came from. */
  project: text.optional(),
  service: text.optional(),
  /** How it ended the last time, where it has. */
  exitCode: z.number().int().optional(),
  finishedAt: time.optional(),
  /** The kernel ended it, or a part of it, at its memory limit. */
  oomKilled: z.boolean().optional(),
  memoryLimit: count.optional(),
  /** What the engine does when it ends: no, on-failure, always, unless-stopped. */
  restartPolicy: text.optional(),
  /** How often it has ended within the last hour. */
  deaths: count.optional(),
  health: Health,
})
export type Container = z.infer<typeof Container>

export const Snapshot = z.object({
  at: time,
  tookMs: count,
  host: Host,
  units: z.array(Unit).max(MOST.units),
  processes: z.array(ProcessGroup).max(MOST.processes),
  listeners: z.array(Listener).max(MOST.listeners),
  runtimes: z.array(Runtime).max(MOST.runtimes),
  sites: z.array(Site).max(MOST.sites),
  stores: z.array(Store).max(MOST.stores),
  schedules: z.array(Schedule).max(MOST.schedules),
  supervised: z.array(Supervised).max(MOST.supervised),
  certificates: z.array(Certificate).max(MOST.certificates),
  mounts: z.array(Mount).max(MOST.mounts),
  packages: Packages,
  deploys: z.array(Deploy).max(MOST.deploys),
  changes: z.array(Change).max(MOST.changes),
  /** null: nobody asked a container engine. */
  containers: z.array(Container).max(MOST.containers).nullable(),
  omitted: z.partialRecord(z.enum(Object.keys(MOST) as [Section, ...Section[]]), count),
  /** What could not be read, and why: absence of a thing here is no proof that it is absent there. */
  gaps: z.array(z.object({ what: text, why: text })).max(100),
})
export type Snapshot = z.infer<typeof Snapshot>
