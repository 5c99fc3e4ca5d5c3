// TLS certificates: those that web servers name, Let's Encrypt's and Caddy's own. Keys are never opened on purpose; of a file
// that holds both, the certificate alone is taken.
import { X509Certificate } from 'node:crypto'
import type { Certificate, Health } from '#proto/contract/reality.ts'
import { judge } from '../health.ts'
import { HIDDEN, type Host } from '../host.ts'

const ELSEWHERE = [
  '/etc/letsencrypt/live/*/fullchain.pem',
  '/var/lib/caddy/.local/share/caddy/certificates/*/*/*.crt',
  '/etc/haproxy/certs/*.pem',
]
const FILE_MAX = 256 * 1024
const FILES_MAX = 200
const DAY = 86_400_000
const SOON = 14 * DAY
const PEM = /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[A-Za-z0-9+/=\s]{1,65536}-----END (?:TRUSTED )?CERTIFICATE-----/

export type Plain = {
  subject: string
  issuer: string
  names: string[]
  notBefore: number
  notAfter: number
  fingerprint: string
}

const commonName = (name: string): string => /^CN=(.+)$/m.exec(name)?.[1] ?? name.replaceAll('\n', ', ')

/** The first certificate of a file, which is the server's own. */
export function parseCertificate(pem: string): Plain | undefined {
  const block = PEM.exec(pem)?.[0]
  if (!block) return undefined
  try {
    const { subject, issuer, subjectAltName, validFromDate, validToDate, fingerprint256 } = new X509Certificate(block)
    return {
      subject: commonName(subject ?? ''),
      issuer: commonName(issuer ?? ''),
      names: (subjectAltName ?? '').split(', ').flatMap((each) => /^(?:DNS|IP Address):(.+)$/.exec(each)?.[1] ?? []),
      notBefore: validFromDate.getTime(),
      notAfter: validToDate.getTime(),
      fingerprint: fingerprint256.replaceAll(':', '').toLowerCase(),
    }
  } catch {
    return undefined // not what it says it is
  }
}

/** RFC 6125: a star stands for the first label alone. */
export const covers = (pattern: string, name: string): boolean => {
  const [p, n] = [pattern.toLowerCase(), name.toLowerCase()]
  return p === n || (p.startsWith('*.') && n.includes('.') && n.slice(n.indexOf('.')) === p.slice(1))
}

export function judgeCertificate(certificate: Plain, names: readonly string[], path: string, at: number): Health {
  const say = (state: Health['state'], why: string): Health => judge(state, why, path, at)
  const days = Math.floor((certificate.notAfter - at) / DAY)
  if (days < 0) return say('failed', `expired ${-days} days ago`)
  if (certificate.notBefore > at) return say('failed', 'not valid yet')
  const valid = certificate.names.length > 0 ? certificate.names : [certificate.subject]
  const uncovered = names
    .filter((name) => /^[\w-]+(?:\.[\w-]+)+$/.test(name))
    .find((name) => !valid.some((each) => covers(each, name)))
  if (uncovered) return say('degraded', `does not cover ${uncovered}, which a site that uses it is named`)
  if (certificate.notAfter - at < SOON) return say('degraded', `expires in ${days} days`)
  return say('ok', `valid for ${days} days`)
}

const NOTHING = { subject: '', issuer: '', names: [], notBefore: 0, notAfter: 0, fingerprint: '' }

function unread(host: Host, path: string): [Health['state'], string] {
  if (host.hides(path)) return ['unknown', HIDDEN]
  return host.exists(path)
    ? ['unknown', 'holds no certificate that can be read']
    : ['failed', 'named by a web server, and missing']
}

export function readCertificates(host: Host, used: readonly { path: string; names: string[] }[]): Certificate[] {
  const namesOf = Map.groupBy(used, ({ path }) => path)
  const paths = [...new Set([...namesOf.keys(), ...ELSEWHERE.flatMap((pattern) => host.glob(pattern))])]
  return paths.slice(0, FILES_MAX).map((path) => {
    const names = [...new Set((namesOf.get(path) ?? []).flatMap((each) => each.names))]
    const certificate = parseCertificate(host.text(path, FILE_MAX))
    const usedBy = names.slice(0, 50)
    if (!certificate) return { path, ...NOTHING, usedBy, health: judge(...unread(host, path), path, host.now) }
    return {
      ...certificate,
      path,
      names: certificate.names.slice(0, 100),
      usedBy,
      health: judgeCertificate(certificate, names, path, host.now),
    }
  })
}
