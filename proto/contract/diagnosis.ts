// What a diagnosis says, in the words of both tiers: agent/diagnosis finds it out, central/tools/reality hands it on.
import { z } from 'zod'

const text = z.string().max(500)

/** One code for each kind of cause, with what it means in a few words. */
export const CAUSES = {
  DISK_FULL: 'a file system has no space left, or nearly none',
  INODES_FULL: 'a file system has no inodes left, or nearly none',
  DELETED_FILES_HELD: 'deleted files still take the space, because a process holds them open',
  FILE_SYSTEM_READ_ONLY: 'a file system that should be writable is mounted read-only',
  MEMORY_PRESSURE: 'the host is short of memory',
  OOM_KILL: 'the kernel ended a process because memory ran out',
  MEMORY_LEAK: 'the memory of one service grows without coming back',
  CPU_HOG: 'one process or unit takes the processors',
  IO_SATURATION: 'a disk is the bottleneck',
  PROCESS_PILE_UP: 'zombies, or processes stuck in the kernel, pile up',
  CGROUP_LIMIT: 'a unit runs into a limit of its own (memory, tasks, CPU)',
  FD_EXHAUSTION: 'file descriptors run out',
  CONNECTION_EXHAUSTION: 'connections, ports or a backlog run out',
  CONNTRACK_FULL: 'the table of tracked connections is full',
  FIREWALL_DROP: 'a firewall rule drops what should arrive',
  DNS_FAILURE: 'names are not resolved',
  NETWORK_DOWN: 'an interface or the route is down',
  CLOCK_WRONG: 'the clock is wrong or not kept',
  KERNEL_FAULT: 'the kernel reports a fault of its own or is tainted',
  HARDWARE_ERROR: 'the kernel reports errors of the hardware',
  LOG_FLOOD: 'something floods the log',
  UNIT_CRASH_LOOP: 'a unit ends and is started over and over',
  UNIT_FAILED: 'a unit has failed',
  UNIT_NOT_STARTED: 'a unit that should run was never started or is stopped',
  UNIT_MASKED: 'a unit is masked, so that nothing can start it',
  DEPENDENCY_FAILED: 'a unit did not start because another that it needs did not',
  STARTED_TOO_EARLY: 'a service started before its mount, its network or its files were there',
  PROGRAM_MISSING: 'the program of a unit, or its interpreter or library, is not there',
  PERMISSION_DENIED: 'owner or mode of a file keep a service from what it needs',
  PORT_CONFLICT: 'two programs want the same port',
  WRONG_ADDRESS: 'a service listens where its clients cannot reach it',
  CONFIG_INVALID: 'a configuration cannot be read by its program',
  CONFIG_NOT_APPLIED: 'a configuration or a program changed after the service was started',
  CERTIFICATE_EXPIRED: 'a certificate has expired, or will soon',
  CERTIFICATE_MISMATCH: 'a certificate does not fit its key or its name',
  UPSTREAM_DOWN: 'what a web server passes requests to does not answer',
  ENDPOINT_FAILING: 'a health endpoint answers with an error, or not',
  DATABASE_DOWN: 'a database does not run or does not answer',
  DATABASE_CONNECTIONS: 'a database has no connections left',
  PACKAGE_MANAGER_STUCK: 'the package manager is locked or half done',
  SCHEDULE_BROKEN: 'a cron job or timer does not do its work',
  CONTAINER_CRASH_LOOP: 'a container ends and is started over and over',
  CONTAINER_UNHEALTHY: 'a container fails its own health check',
  CONTAINER_OOM: 'a container was ended because its memory ran out',
  CONTAINER_STOPPED: 'a container that should run does not',
} as const
export type Cause = keyof typeof CAUSES

/** `low` is worth knowing and nobody's outage. */
export const SEVERITIES = ['critical', 'high', 'medium', 'low'] as const

export const Finding = z.object({
  cause: z.enum(Object.keys(CAUSES) as [Cause, ...Cause[]]),
  /** What it is about: a unit, a path, a container, a port, a process. */
  subject: text,
  /** One sentence for a person: what is wrong. */
  title: text,
  severity: z.enum(SEVERITIES),
  /** 0 to 1: how sure. */
  confidence: z.number().min(0).max(1),
  /** Its effects: what else was found and comes from it, units that fail for it, sites that do not answer. */
  impact: z.array(text).max(20),
  /** What was seen, where and when (Unix ms). */
  evidence: z
    .array(z.object({ source: text, at: z.number().int(), seen: text }))
    .min(1)
    .max(10),
  /** What to do next: a tool call that is ready to be made; none of them is made by itself. */
  next: z.array(z.object({ tool: text, arguments: z.record(z.string(), z.unknown()), why: text })).max(5),
  /** What this one brings about: a subject, a cause, or both with a blank between them. */
  explains: z.array(text).max(20),
})
export type Finding = z.infer<typeof Finding>

export const DiagnosisQuestion = z.object({
  /** In the words of whoever asks; chooses and ranks, never decides what is true. */
  problem: z.string().max(2_000),
  /** A unit, site, container or path that the problem is about. */
  subject: z.string().max(300).optional(),
})
export type DiagnosisQuestion = z.infer<typeof DiagnosisQuestion>

export const Diagnosis = z.object({
  at: z.number().int(),
  tookMs: z.number().int().nonnegative(),
  /** Whether this host has what the question named; not said where it named nothing. `near`: names that it has. */
  subject: z.object({ known: z.boolean(), near: z.array(text).max(5) }).optional(),
  /** The likeliest cause first. */
  findings: z.array(Finding).max(50),
  checks: z.array(
    z.object({ name: text, state: z.enum(['done', 'failed', 'out_of_time', 'not_possible']), why: text.optional() }),
  ),
})
export type Diagnosis = z.infer<typeof Diagnosis>
