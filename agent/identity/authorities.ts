// Whom this agent takes for Central's certificate authority: PEM certificates, one after the other, the one that issues first.
// There are two while one replaces the other.
import { createHash, X509Certificate } from 'node:crypto'

/** As LIMITS.authorities of the contract. */
const MOST = 4
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g

const fingerprintOf = ({ raw }: X509Certificate): string => createHash('sha256').update(raw).digest('hex')

/** @throws Error for what is no certificate */
export const authoritiesIn = (caPem: string): X509Certificate[] =>
  (caPem.match(CERTIFICATE) ?? []).map((pem) => new X509Certificate(pem))

/** SHA-256 of the DER, lower-case hex, in order. */
export const fingerprintsOf = (caPem: string): string[] => authoritiesIn(caPem).map(fingerprintOf)

export const issuedBy = (certificate: X509Certificate, authority: X509Certificate): boolean =>
  certificate.checkIssued(authority) && certificate.verify(authority.publicKey)

/** Why these are not authorities to believe, or undefined. */
export function wrongAuthorities(caPem: string, now: number): string | undefined {
  if (caPem.replace(CERTIFICATE, '').trim() !== '') return 'there is more in it than certificates'
  try {
    const authorities = authoritiesIn(caPem)
    if (authorities.length === 0) return 'there is none'
    if (authorities.length > MOST) return 'there are too many'
    if (new Set(authorities.map(fingerprintOf)).size < authorities.length) return 'one is there twice'
    return authorities.map((authority) => wrongAuthority(authority, now)).find((why) => why !== undefined)
  } catch {
    return 'one cannot be read'
  }
}

function wrongAuthority(authority: X509Certificate, now: number): string | undefined {
  const { asymmetricKeyDetails } = authority.publicKey
  if (!authority.ca) return 'one is no authority'
  if (asymmetricKeyDetails?.namedCurve !== 'prime256v1') return 'one has a key of another kind'
  if (!issuedBy(authority, authority)) return 'one is not signed by itself'
  return authority.validToDate.getTime() <= now ? 'one has expired' : undefined
}
