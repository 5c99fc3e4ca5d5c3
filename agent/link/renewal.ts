// A new certificate at half life: a candidate that becomes our identity only when a stream has been opened with it. At
// every step one of the two files works, so a crash never leaves an agent without a name.
import type { AgentFrame } from '#proto/gen/mttrly/agent/v1/AgentFrame.ts'
import type { Credentials, Identity, IdentityStore } from '../identity/identity.ts'
import type { Log } from '../log.ts'

/** Between two renewals, whatever the clock says. */
const AGAIN_MS = 3_000_000

export type Renewal = ReturnType<typeof createRenewal>

export function createRenewal(rooms: {
  store: IdentityStore
  identity: Identity
  clock: { now(): number }
  log: Log
  createSigningRequest(): { keyPem: string; csrPem: string }
  halfLife(certificatePem: string): number
  wrongCertificate(
    credentials: Credentials,
    expected: { caPem: string; serverId: string; now: number },
  ): string | undefined
}) {
  const { store, clock, log } = rooms
  let identity = rooms.identity
  let pending: string | undefined
  let renewedAt: number | undefined
  let attempts = 0

  const wrongOne = (credentials: Credentials): string | undefined =>
    rooms.wrongCertificate(credentials, { caPem: identity.caPem, serverId: identity.serverId, now: clock.now() })
  /** One that is damaged, or of the server that this host was before, is none: our own certificate still works. */
  const candidateOf = (): Credentials | undefined => {
    try {
      const candidate = store.candidate()
      if (!candidate || !wrongOne(candidate)) return candidate
    } catch {
      // As good as none.
    }
    store.withdraw()
    return undefined
  }
  /** A full disk ends no agent: now the old certificate serves on, and below the candidate stays on disk for the next start. */
  const proposed = (credentials: Credentials): boolean => {
    try {
      store.propose(credentials)
      return true
    } catch (error) {
      log.error({ error: String(error) }, 'the new certificate could not be written')
      return false
    }
  }
  const committed = (candidate: Credentials): Identity => {
    try {
      return store.commit(identity, candidate)
    } catch (error) {
      log.error({ error: String(error) }, 'the new certificate could not be taken for good')
      return { ...identity, ...candidate }
    }
  }

  return {
    /** Who to be on the next attempt: the candidate if there is one, then ourselves, in turn. */
    next(): { identity: Identity; candidate: Credentials | undefined } {
      const candidate = attempts % 2 === 0 ? candidateOf() : undefined
      attempts += 1
      return { identity: { ...identity, ...candidate }, candidate }
    },
    /** A stream has been opened: as a candidate it becomes our identity; as ourselves, an untaken candidate is void. */
    opened(candidate: Credentials | undefined): void {
      attempts = 0
      if (candidate) renewedAt = clock.now()
      if (candidate) identity = committed(candidate)
      else if (candidateOf()) store.withdraw()
      if (candidate) log.info({}, 'the certificate was renewed')
    },
    /** The request to send when renewal is due. */
    request(): AgentFrame | undefined {
      if (clock.now() < rooms.halfLife(identity.certificatePem)) return undefined
      // By a clock that is weeks ahead each new certificate is past its middle at once.
      if (renewedAt !== undefined && Math.abs(clock.now() - renewedAt) < AGAIN_MS) return undefined
      const { keyPem, csrPem } = rooms.createSigningRequest()
      pending = keyPem
      return { certificateRequest: { csrPem } }
    },
    /** What Central answered. @returns whether there is a candidate to connect with now */
    received(certificatePem: string): boolean {
      if (!pending) return false
      const credentials = { keyPem: pending, certificatePem }
      pending = undefined
      const wrong = wrongOne(credentials)
      if (wrong) log.warn({ why: wrong }, 'Central sent a certificate that cannot be used')
      return !wrong && proposed(credentials)
    },
  }
}
