// Why an agent cannot come although it tries, where trying alone will not help: in words for whoever reads the log or asks
// `status`. Pure; the reason is what TLS or Central said.

export type Trouble = { code: TroubleCode; says: string; advice: string }
type TroubleCode = keyof typeof TROUBLES

const RECOVER =
  'In Central, ask for a recovery command for this server (mttrly_bootstrap_recover, or “New install command” in the console) and run it here as root.'
const CLOCK = 'Set the clock of this host (timedatectl says whether it is synchronised).'

const TROUBLES = {
  CERTIFICATE_EXPIRED: {
    says: 'The certificate of this agent has expired by the clock of this host.',
    advice: `If the clock is right: ${RECOVER} If not: ${CLOCK}`,
  },
  CLOCK_BEHIND: { says: 'By the clock of this host a certificate is not valid yet.', advice: CLOCK },
  CLOCK_AHEAD: {
    says: 'By the clock of this host the certificate of Central has expired.',
    advice: `${CLOCK} If it is right, Central needs a restart to renew its certificate.`,
  },
  CENTRAL_NOT_BELIEVED: {
    says: 'Who answers shows a certificate of an authority that this agent does not believe.',
    advice: `If Central has replaced its authority while this host was away: ${RECOVER}`,
  },
  REFUSED: {
    says: 'Central does not take the certificate of this agent.',
    advice: `It was revoked, its authority was replaced meanwhile, or the server was removed or enrolled again elsewhere. ${RECOVER}`,
  },
} as const

/** OpenSSL's words, as Node and grpc-js pass them on; 16 is UNAUTHENTICATED, said by Central itself. */
const HEARD: readonly [words: RegExp, code: TroubleCode][] = [
  [/not yet valid/i, 'CLOCK_BEHIND'],
  [/certificate has expired/i, 'CLOCK_AHEAD'],
  [/self.signed certificate|unable to (get|verify)/i, 'CENTRAL_NOT_BELIEVED'],
  [/^16 /, 'REFUSED'],
]
/** Of a connection that was closed before it carried a stream. */
const CLOSED = /No connection established/

/** How the last attempt ended; `met` when Central had shown who it is. `valid` is our own certificate's time. */
export type Attempt = { reason: string; met: boolean; valid: { from: number; to: number }; now: number }

/** Undefined when it may well be the network, or a Central that is away. */
export function troubleOf(attempt: Attempt): Trouble | undefined {
  const code = byOwnClock(attempt) ?? HEARD.find(([words]) => words.test(attempt.reason))?.[1] ?? byCentral(attempt)
  return code && { code, ...TROUBLES[code] }
}

const byOwnClock = ({ valid, now }: Attempt): TroubleCode | undefined =>
  now >= valid.to ? 'CERTIFICATE_EXPIRED' : now < valid.from ? 'CLOCK_BEHIND' : undefined

/** TLS of Node says nothing to a client whose certificate it refuses: it closes. */
const byCentral = ({ met, reason }: Attempt): TroubleCode | undefined =>
  met && CLOSED.test(reason) ? 'REFUSED' : undefined
