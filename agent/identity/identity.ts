// Who this agent is to Central: key, certificate, the authorities it believes, and where the link is. One file, so that a crash
// leaves the old one or the new one; a candidate waits beside it until a stream has been opened with it.
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { readIfThere, removeFile, replaceFile } from '../files/durable-file.ts'
import { authoritiesIn, issuedBy } from './authorities.ts'

export type Credentials = { keyPem: string; certificatePem: string }
export type Identity = Credentials & {
  serverId: string
  /** The authorities that are believed, the one that issues first. */
  caPem: string
  /** host:port of the link. */
  linkAddress: string
}
export type IdentityStore = ReturnType<typeof createIdentityStore>

const FIELDS = ['serverId', 'caPem', 'linkAddress', 'keyPem', 'certificatePem'] as const
const CREDENTIALS = ['keyPem', 'certificatePem'] as const

function parse<T>(bytes: Buffer | undefined, fields: readonly string[]): T | undefined {
  if (!bytes) return undefined
  const value: Record<string, unknown> = JSON.parse(bytes.toString('utf8'))
  if (!fields.every((field) => typeof value[field] === 'string')) throw new Error('the identity file is damaged')
  return value as T
}

export function createIdentityStore({ directory }: { directory: string }) {
  const own = join(directory, 'identity.json')
  const candidate = join(directory, 'candidate.json')
  /** Enrolled again meanwhile as another server: an agent that still runs as the old one must not undo it. */
  const change = (identity: Identity, changed: Partial<Identity>): Identity => {
    const next = { ...identity, ...changed }
    if (read()?.serverId === identity.serverId) replaceFile(own, JSON.stringify(next))
    return next
  }
  const read = (): Identity | undefined => parse<Identity>(readIfThere(own), FIELDS)
  return {
    read,
    write: (identity: Identity): void => replaceFile(own, JSON.stringify(identity)),
    candidate: (): Credentials | undefined => parse<Credentials>(readIfThere(candidate), CREDENTIALS),
    propose: (credentials: Credentials): void => replaceFile(candidate, JSON.stringify(credentials)),
    /** The candidate has opened a stream: from now on it is who we are. */
    commit(identity: Identity, credentials: Credentials): Identity {
      const renewed = change(identity, credentials)
      if (read()?.serverId === identity.serverId) removeFile(candidate)
      return renewed
    },
    /** Other authorities from now on. */
    believe: (identity: Identity, caPem: string): Identity => change(identity, { caPem }),
    withdraw: (): void => removeFile(candidate),
  }
}

/** Why a certificate is not one of these authorities' for this key and this server, or undefined. */
export function wrongCertificate(
  { keyPem, certificatePem }: Credentials,
  expected: { caPem: string; serverId: string; now: number },
): string | undefined {
  try {
    const certificate = new X509Certificate(certificatePem)
    const own = createPublicKey(createPrivateKey(keyPem)).export({ type: 'spki', format: 'der' })
    if (!authoritiesIn(expected.caPem).some((authority) => issuedBy(certificate, authority)))
      return 'it was not issued by the CA'
    if (!certificate.publicKey.export({ type: 'spki', format: 'der' }).equals(own)) return 'it is for another key'
    const names = certificate.subjectAltName?.split(', ') ?? []
    const named =
      names.length === 1 &&
      names[0]?.startsWith('URI:spiffe://') &&
      names[0].endsWith(`/server/${expected.serverId}/agent`)
    if (!named) return 'it names somebody else'
    return certificate.validToDate.getTime() <= expected.now ? 'it has expired' : undefined
  } catch {
    return 'it cannot be read'
  }
}

/** Unix ms. */
export function validity(certificatePem: string): { from: number; to: number } {
  const { validFromDate, validToDate } = new X509Certificate(certificatePem)
  return { from: validFromDate.getTime(), to: validToDate.getTime() }
}

/** Unix ms of the middle of a certificate's life. */
export function halfLife(certificatePem: string): number {
  const { from, to } = validity(certificatePem)
  return (from + to) / 2
}

/** Half of the certificate's life is over, or another authority issues now. */
export function renewalIsDue({ certificatePem, caPem }: Identity, now: number): boolean {
  const [issuing] = authoritiesIn(caPem)
  const byAnother = issuing !== undefined && !issuedBy(new X509Certificate(certificatePem), issuing)
  return byAnother || now >= halfLife(certificatePem)
}
