// A new certificate at half life, or from a new authority: a candidate that becomes our identity only when a stream has been
// opened with it. At every step one of the two files works, so a crash never leaves an agent without a name. And the
// authorities that are believed, as Central says over a stream that one of them has vouched for.
import type { AgentFrame } from '#proto/gen/mttrly/agent/v1/AgentFrame.ts'
import type { Certificates } from '../identity/certificates.ts'
import type { Credentials, Identity, IdentityStore } from '../identity/identity.ts'
import type { Log } from '../log.ts'

/** Between two renewals, whatever the clock says; and for an answer to the request for one. */
const AGAIN_MS = 3_000_000

export type Renewal = ReturnType<typeof createRenewal>

export function createRenewal(rooms: {
  store: IdentityStore
  identity: Identity
  clock: { now(): number }
  log: Log
  certificates: Certificates
}) {
  const { store, clock, log, certificates } = rooms
  let identity = rooms.identity
  let asked: { keyPem: string; at: number } | undefined
  let renewedAt: number | undefined
  let attempts = 0

  const wrongOne = (credentials: Credentials): string | undefined =>
    certificates.wrongCertificate(credentials, { caPem: identity.caPem, serverId: identity.serverId, now: clock.now() })
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
      asked = undefined
      if (candidate) renewedAt = clock.now()
      if (candidate) identity = committed(candidate)
      else if (candidateOf()) store.withdraw()
      if (candidate) log.info({}, 'the certificate was renewed')
    },
    /** The request to send when renewal is due. */
    request(): AgentFrame | undefined {
      const now = clock.now()
      // By a clock that is weeks ahead each new certificate is past its middle at once.
      const lately = [renewedAt, asked?.at].some((at) => at !== undefined && Math.abs(now - at) < AGAIN_MS)
      if (lately || !certificates.renewalIsDue(identity, now)) return undefined
      const { keyPem, csrPem } = certificates.createSigningRequest()
      asked = { keyPem, at: now }
      return { certificateRequest: { csrPem } }
    },
    /** What Central answered. @returns whether there is a candidate to connect with now */
    received(certificatePem: string): boolean {
      if (!asked) return false
      const credentials = { keyPem: asked.keyPem, certificatePem }
      asked = undefined
      const wrong = wrongOne(credentials)
      if (wrong) log.warn({ why: wrong }, 'Central sent a certificate that cannot be used')
      return !wrong && proposed(credentials)
    },

    /** When the certificate that is shown is valid, Unix ms. */
    valid: (): { from: number; to: number } => certificates.validity(identity.certificatePem),
    /** Fingerprints of the authorities that are believed, the one that issues first. */
    believes: (): string[] => certificates.fingerprintsOf(identity.caPem),
    /** @returns whether they are believed from now on, and on disk */
    trust(caPem: string): boolean {
      const wrong = certificates.wrongAuthorities(caPem, clock.now())
      if (wrong) {
        log.warn({ why: wrong }, 'Central names authorities that cannot be believed')
        return false
      }
      try {
        identity = store.believe(identity, caPem)
        log.info({ authorities: certificates.fingerprintsOf(caPem) }, 'other authorities are believed')
        return true
      } catch (error) {
        log.error({ error: String(error) }, 'the authorities to believe could not be written')
        return false
      }
    },
  }
}
