// Which finding comes first: what brings others about stands before them, and what the problem speaks of before the rest.
import type { Cause, DiagnosisQuestion, Finding } from '#proto/contract/diagnosis.ts'

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
  DATABASE_CONNECTIONS: 1,
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
  CERTIFICATE_EXPIRED: /certificate|tls|ssl/i,
  CERTIFICATE_MISMATCH: /certificate|tls|ssl|key values mismatch/i,
  DATABASE_CONNECTIONS: /too many (?:clients|connections)|remaining connection slots/i,
}

const WEIGHT: Record<Finding['severity'], number> = { critical: 4, high: 3, medium: 2, low: 0.5 }
const TOUCHED = 0.5
const NAMED = 1

export type Ranked = { finding: Finding; touched: boolean }

const depthOf = ({ cause }: Finding): number => DEPTH[cause] ?? 0
const saysOf = ({ title, evidence }: Finding): string => [title, ...evidence.map(({ seen }) => seen)].join('\n')

function bringsAbout(root: Finding, other: Finding): boolean {
  if (root === other || root.severity === 'low') return false
  // Of one thing, what lies deeper is not brought about by what is seen of it.
  const deeper = root.subject === other.subject && depthOf(other) < depthOf(root)
  if (!deeper && root.explains.some((what) => what === other.subject || what === other.cause)) return true
  if (depthOf(root) >= depthOf(other)) return false
  return root.subject === other.subject || (MARKS[root.cause]?.test(saysOf(other)) ?? false)
}

const speaksOf = ({ problem, subject }: DiagnosisQuestion, finding: Finding): boolean => {
  const bare = finding.subject.replace(/\.(?:service|timer|socket)$/, '')
  return finding.subject === subject || bare === subject || (bare.length > 3 && problem.includes(bare))
}

const scoreOf = ({ finding, touched }: Ranked, question: DiagnosisQuestion): number =>
  WEIGHT[finding.severity] * (0.4 + 0.6 * finding.confidence) +
  // What nobody suffers from is not what was asked about.
  (finding.severity === 'low' ? 0 : (touched ? TOUCHED : 0) + (speaksOf(question, finding) ? NAMED : 0))

/** A root is as weighty as the worst that it brings about, and stands before it. */
export function rank(found: readonly Ranked[], question: DiagnosisQuestion): Finding[] {
  const findings = found.map(({ finding }) => finding)
  const own = new Map(found.map((each) => [each.finding, scoreOf(each, question)]))
  const below = new Map(findings.map((root) => [root, findings.filter((other) => bringsAbout(root, other))]))
  const weigh = (finding: Finding, above: readonly Finding[] = []): { weight: number; height: number } => {
    const next = (below.get(finding) ?? []).filter((other) => !above.includes(other) && above.length < 6)
    const weighed = next.map((other) => weigh(other, [...above, finding]))
    return {
      weight: Math.max(own.get(finding) ?? 0, ...weighed.map(({ weight }) => weight)),
      height: Math.max(0, ...weighed.map(({ height }) => height + 1)),
    }
  }
  const weights = new Map(findings.map((finding) => [finding, weigh(finding)]))
  const of = (finding: Finding) => weights.get(finding) ?? { weight: 0, height: 0 }
  return findings
    .toSorted(
      (a, b) => of(b).weight - of(a).weight || of(b).height - of(a).height || (own.get(b) ?? 0) - (own.get(a) ?? 0),
    )
    .map((finding) => ({ ...finding, impact: impactOf(finding, below.get(finding) ?? []) }))
}

const impactOf = ({ impact, subject }: Finding, below: readonly Finding[]): string[] =>
  [...new Set([...impact, ...below.filter((each) => each.subject !== subject).map(({ title }) => title)])].slice(0, 20)
