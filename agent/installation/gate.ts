// Whether a new version may stay: what was seen of it, as a small state, and the verdict on that. Pure; the updater looks
// and acts. Nothing here goes back because Central is away: that says nothing about the version.
export type Observation = {
  /** Monotonic, ms. */
  at: number
  /** systemd's ActiveState of the daemon. */
  active: string
  pid: number
  /** How often systemd has started it again since somebody last did. */
  restarts: number
  /** The daemon's own word about its link; undefined when there is none of this process. */
  link: { state: string; version: string } | undefined
  /** Lanes whose door does not listen. */
  shut: readonly string[]
  /** Whether Central's link completes a TLS handshake with this host. */
  central: 'answers' | 'silent'
}
export type GateLimits = {
  /** Up this long without a break: good. */
  stableMs: number
  /** Not up for this long, though Central answered all the time: back. More than the longest pause between two attempts.
   * A stream that breaks before it is good only stops the clock. */
  strandedMs: number
  /** Not running, or a door shut, for this long: back. */
  downMs: number
  /** Started again this often: back. */
  crashes: number
  /** Watched for this long after it was good. */
  probationMs: number
}
/** `…Since`: from when it has been so without a break. */
export type Watch = {
  version: string
  at: number
  crashes: number
  restarts: number | undefined
  pid: number
  upSince?: number | undefined
  strandedSince?: number | undefined
  downSince?: number | undefined
  shutSince?: number | undefined
  shut: readonly string[]
  central: Observation['central']
}
export type Verdict = 'wait' | 'good' | { back: string }

export const GATE: GateLimits = {
  stableMs: 20_000,
  strandedMs: 120_000,
  downMs: 10_000,
  crashes: 3,
  probationMs: 600_000,
}

/** @param restarts what the daemon's count of restarts was when the watch began, where that is known */
export const startWatch = (version: string, at: number, restarts?: number): Watch => ({
  ...{ version, at, restarts, crashes: 0, pid: 0, shut: [], central: 'answers' },
})

export function look(watch: Watch, seen: Observation, { stableMs }: GateLimits): Watch {
  const since = (was: number | undefined, is: boolean): number | undefined => (is ? (was ?? seen.at) : undefined)
  const up = seen.active === 'active' && seen.link?.state === 'up' && seen.link.version === watch.version
  const samePid = watch.pid === 0 || seen.pid === watch.pid
  const before = watch.restarts ?? seen.restarts
  const upSince = since(samePid ? watch.upSince : undefined, up)
  const good = lasted(seen, upSince, stableMs)
  const stopped = watch.strandedSince === undefined ? undefined : watch.strandedSince + seen.at - watch.at
  return {
    version: watch.version,
    at: seen.at,
    // A start by hand sets systemd's count to 0.
    crashes: watch.crashes + (seen.restarts >= before ? seen.restarts - before : seen.restarts),
    restarts: seen.restarts,
    pid: seen.pid,
    upSince,
    strandedSince: !up ? since(watch.strandedSince, seen.central === 'answers') : good ? undefined : stopped,
    downSince: since(watch.downSince, ['failed', 'inactive'].includes(seen.active)),
    shutSince: since(watch.shutSince, seen.shut.length > 0),
    shut: seen.shut,
    central: seen.central,
  }
}

const RULES: readonly [broken: (watch: Watch, limits: GateLimits) => boolean, why: (watch: Watch) => string][] = [
  [
    ({ crashes }, limits) => crashes >= limits.crashes,
    ({ crashes }) => `it ended and was started again ${crashes} times`,
  ],
  [(watch, { downMs }) => lasted(watch, watch.downSince, downMs), () => 'it does not run'],
  [
    (watch, { downMs }) => lasted(watch, watch.shutSince, downMs),
    ({ shut }) => `these do not listen: ${shut.join(', ')}`,
  ],
  [
    (watch, { strandedMs }) => lasted(watch, watch.strandedSince, strandedMs),
    () => 'it does not come to a stream with Central, though Central answers',
  ],
]

const lasted = ({ at }: Pick<Watch, 'at'>, since: number | undefined, ms: number): boolean =>
  since !== undefined && at - since >= ms

export function judge(watch: Watch, limits: GateLimits): Verdict {
  const rule = RULES.find(([broken]) => broken(watch, limits))
  if (rule) return { back: rule[1](watch) }
  const good = lasted(watch, watch.upSince, limits.stableMs) && watch.shutSince === undefined
  return good ? 'good' : 'wait'
}
