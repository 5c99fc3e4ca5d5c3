// Bounds of the link on Central's side. Milliseconds, bytes and counts; tests narrow them.
import { LIMITS } from '#proto/contract/limits.ts'

export const RELAY_LIMITS = {
  handshakes: LIMITS.handshakes,
  /** A handshake that dawdles gives its place back after this; it ends by `handshakeWithin`. */
  handshakePlace: 2_000,
  handshakeWithin: 10_000,
  /** Connections that have not shown who they are. */
  strangers: 4_096,
  /** From connection to stream, and from stream to hello. */
  helloWithin: 10_000,
  /** A connection whose stream has ended is taken down after this. */
  lingering: 5_000,
  /** An agent of which nothing was heard for this long is asked, and given up after twice as long. */
  pingAfter: LIMITS.offlineAfter / 2,
  /** The time that a stream has to prove that it is alive, when another agent shows the same identity. */
  answerWithin: 2_000,
  /** After a cancel the agent has this long to say how the run ended. */
  cancelWithin: 15_000,
  /** Between two renewals of one stream. */
  renewEvery: 10_000,
  requestsInFlight: LIMITS.requestsInFlight,
  queuedFrames: LIMITS.queuedFrames,
  /** Request bodies waiting to be written to one stream. */
  queuedBytes: 2 * LIMITS.message,
  credit: LIMITS.credit,
  sweep: 1_000,
}
export type RelayLimits = { readonly [K in keyof typeof RELAY_LIMITS]: number }
