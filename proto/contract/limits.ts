// Sizes and times that both tiers enforce. Bytes and milliseconds unless the name says otherwise.
const KIB = 1024
const MIB = 1024 * KIB

export const LIMITS = {
  /** One gRPC message, either way. */
  message: 4 * MIB,
  /** One chunk of output. */
  chunk: 64 * KIB,
  /** Output that an agent may send for one request before Central grants more. */
  credit: 256 * KIB,
  /** Redacted output kept for one run, on the agent and in the action's record; the rest is counted and hashed. */
  keptOutput: 16 * MIB,
  /** What a granted run may be given as standard input. */
  grantInput: MIB,
  /** A command line. */
  commandLine: 32 * KIB,
  /** Requests of one agent under way at once; the next one is refused. */
  requestsInFlight: 32,
  /** Frames waiting to be written to one stream. */
  queuedFrames: 1024,
  /** Runs whose outcome waits for an acknowledgement on the agent's disk. */
  unacknowledged: 256,
  runDefault: 30_000,
  runMax: 30 * 60_000,
  /** A granted request that has not reached the agent by then is never started. */
  startWithin: 60_000,
  /** How long an approver's signature holds. */
  approvalLife: 15 * 60_000,
  /** A grant past its time by this much is refused by any clock that can be meant: so long a host remembers what has run. */
  grantRemembered: 24 * 3_600_000,
  heartbeat: 10_000,
  /** Without a heartbeat for this long a server counts as offline. */
  offlineAfter: 30_000,
  /** After its stream has closed, a server has this long to come back before it counts as offline. */
  reconnectGrace: 15_000,
  /** TLS handshakes that Central admits at once. */
  handshakes: 16,
  /** Authorities that an agent believes at once: two while one replaces the other, and room for a mistake. */
  authorities: 4,
  certificateLife: 30 * 24 * 3_600_000,
  installTokenLife: 3_600_000,
  actionLife: 30 * 60_000,
  /** A tool answers within this time; what goes on longer is an action with an id. */
  toolAnswer: 45_000,
} as const
