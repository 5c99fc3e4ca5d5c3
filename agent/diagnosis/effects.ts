// Which finding is an effect of which. rank.ts alone imports it: a cause stands before what it brings about, and tells it.
import type { Cause, Finding } from '#proto/contract/diagnosis.ts'

/** How far from the root a kind of cause usually is. The machine is 0 (what is not named here), what an operator sees last is 3. */
const DEPTH: Partial<Record<Cause, number>> = {
  UNIT_MASKED: 1,
  STARTED_TOO_EARLY: 1,
  PROGRAM_MISSING: 1,
  PERMISSION_DENIED: 1,
  PORT_CONFLICT: 1,
  WRONG_ADDRESS: 1,
  CONFIG_INVALID: 1,
  CONFIG_NOT_APPLIED: 1,
  CERTIFICATE_EXPIRED: 1,
  CERTIFICATE_MISMATCH: 1,
  CONTAINER_OOM: 1,
  PACKAGE_MANAGER_STUCK: 1,
  SCHEDULE_BROKEN: 2,
  LOG_FLOOD: 2,
  DATABASE_DOWN: 2,
  UNIT_NOT_STARTED: 2,
  CONTAINER_CRASH_LOOP: 2,
  CONTAINER_STOPPED: 2,
  CONTAINER_UNHEALTHY: 2,
  UNIT_CRASH_LOOP: 2,
  UNIT_FAILED: 2,
  DEPENDENCY_FAILED: 2,
  UPSTREAM_DOWN: 3,
  ENDPOINT_FAILING: 3,
}

/** What something says that such a cause has brought about. */
const MARKS: Partial<Record<Cause, RegExp>> = {
  DISK_FULL: /no space left|enospc|disk (?:is )?full|quota exceeded/i,
  INODES_FULL: /no space left|enospc/i,
  FILE_SYSTEM_READ_ONLY: /read-only file ?system|erofs/i,
  OOM_KILL: /oom|out of memory|cannot allocate|signal=?\s?9|sigkill|status=9|\bkilled\b/i,
  CGROUP_LIMIT:
    /oom|out of memory|cannot allocate|can't (?:fork|start new thread)|resource temporarily unavailable|sigkill/i,
  MEMORY_PRESSURE: /out of memory|cannot allocate|enomem/i,
  FD_EXHAUSTION: /too many open files|emfile|enfile/i,
  DNS_FAILURE: /resolv|eai_again|enotfound|name or service not known|getaddrinfo|lookup .* on|no such host/i,
  NETWORK_DOWN: /network is (?:unreachable|down)|no route to host|enetunreach|ehostunreach/i,
  CLOCK_WRONG: /not yet valid|clock|skew|in the future/i,
  PERMISSION_DENIED: /permission denied|eacces|eperm|not permitted/i,
  PORT_CONFLICT: /address already in use|eaddrinuse/i,
  CERTIFICATE_EXPIRED: /certificate[^\n]*(?:expired|verify)|CERT_(?:HAS_EXPIRED|NOT_YET_VALID)|not yet valid/i,
  CERTIFICATE_MISMATCH: /certificate[^\n]*(?:verify|match|valid for)|ALTNAME_INVALID|key values mismatch/i,
  DATABASE_CONNECTIONS: /too many (?:clients|connections)|remaining connection slots/i,
}

/** What are sides of one trouble, where they are of the same thing, or the one says that it explains the other. */
const SIDES: readonly (readonly Cause[])[] = [
  ['MEMORY_LEAK', 'CGROUP_LIMIT', 'OOM_KILL', 'MEMORY_PRESSURE'],
  ['CPU_HOG', 'CGROUP_LIMIT', 'LOG_FLOOD', 'UNIT_CRASH_LOOP', 'PROCESS_PILE_UP'],
  ['FD_EXHAUSTION', 'CONNECTION_EXHAUSTION', 'DATABASE_CONNECTIONS'],
  ['DISK_FULL', 'LOG_FLOOD', 'DELETED_FILES_HELD', 'IO_SATURATION'],
  ['IO_SATURATION', 'CPU_HOG', 'PROCESS_PILE_UP'],
]

const depthOf = ({ cause }: Finding): number => DEPTH[cause] ?? 0
const saysOf = ({ title, evidence }: Finding): string => [title, ...evidence.map(({ seen }) => seen)].join('\n')

/** As `explains` can name it: what it is about, what it is, or both. */
const namesOf = ({ cause, subject }: Finding): string[] => [subject, cause, `${cause} ${subject}`]

export function bringsAbout(root: Finding, other: Finding): boolean {
  if (root === other || root.severity === 'low') return false
  // Of one thing, what lies deeper is not brought about by what is seen of it.
  const deeper = root.subject === other.subject && depthOf(other) < depthOf(root)
  if (!deeper && root.explains.some((what) => namesOf(other).includes(what))) return true
  if (depthOf(root) >= depthOf(other)) return false
  return root.subject === other.subject || (MARKS[root.cause]?.test(saysOf(other)) ?? false)
}

const isSide = (one: Finding, other: Finding): boolean =>
  [one.subject, ...one.explains].includes(other.subject) &&
  SIDES.some((sides) => sides.includes(one.cause) && sides.includes(other.cause))

/** Whether one is told within the other: what could be a root of its own is not, unless both are sides of one trouble. */
export const isEffect = (root: Finding, other: Finding): boolean =>
  (bringsAbout(root, other) && depthOf(other) >= depthOf(root)) || isSide(root, other)
