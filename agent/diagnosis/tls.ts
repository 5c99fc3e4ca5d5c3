// Which services use which certificates and keys, by their configurations; and whether the two belong together. A private key is
// compared inside this process and goes no further.
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { dirname, resolve } from 'node:path'
import type { Host } from '../reality/host.ts'
import { APACHE } from '../reality/web/apache.ts'
import { type Directive, readConfig, valuesOf, walk } from '../reality/web/directive.ts'
import { NGINX } from '../reality/web/nginx.ts'
import { textsOf } from './addresses.ts'
import type { Facts } from './check.ts'
import { isOwn } from './units.ts'

/** `key` is the certificate's own file where one holds both. */
export type Pair = { certificate: string; key?: string; names: string[]; user: string }

const FILE_MAX = 256 * 1024
const CHAIN_MOST = 10
const CERTIFICATES =
  /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[A-Za-z0-9+/=\s]{1,65536}-----END (?:TRUSTED )?CERTIFICATE-----/g
const KEY = /-----BEGIN (?:\w+ )?PRIVATE KEY-----[A-Za-z0-9+/=\s]{1,65536}-----END (?:\w+ )?PRIVATE KEY-----/

export const chainIn = (host: Host, path: string): X509Certificate[] =>
  certificatesIn(host.text(path, FILE_MAX), CHAIN_MOST)

/** What this host trusts, as Debian and as Red Hat keep it. */
const TRUSTED = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt']
const TRUSTED_MAX = 1024 * 1024

/** Not its own issuer, and none of those that this host trusts has issued it; not where it trusts nobody. */
export function lacksIssuer(last: X509Certificate, host: Host): boolean {
  if (last.subject === last.issuer) return false
  const trusted = trustedBy.get(host) ?? TRUSTED.flatMap((path) => certificatesIn(host.text(path, TRUSTED_MAX)))
  trustedBy.set(host, trusted)
  return trusted.length > 0 && !trusted.some((each) => last.checkIssued(each))
}

/** Read once: a host can have hundreds of certificates, and hundreds that it trusts. */
const trustedBy = new WeakMap<Host, X509Certificate[]>()

const certificatesIn = (text: string, most?: number): X509Certificate[] =>
  [...text.matchAll(CERTIFICATES)].slice(0, most).flatMap(([block]) => {
    try {
      return [new X509Certificate(block)]
    } catch {
      return []
    }
  })

/** undefined where the key is not to be read, or has a passphrase. */
export function belongTogether(host: Host, certificate: X509Certificate, key: string): boolean | undefined {
  const block = KEY.exec(host.text(key, FILE_MAX))?.[0]
  if (block === undefined) return undefined
  try {
    return certificate.checkPrivateKey(createPrivateKey(block))
  } catch {
    return undefined
  }
}

const nginxPairs = (directives: readonly Directive[]): Pair[] =>
  [...walk(directives)].flatMap(({ directive, inside }) => {
    if (directive.name !== 'server' || !directive.block || inside.at(-1)?.name === 'upstream') return []
    const http = inside.findLast(({ name }) => name === 'http')?.block
    const value = (name: string): string[] =>
      [valuesOf(directive.block, name), valuesOf(http, name)].find(({ length }) => length > 0) ?? []
    const keys = value('ssl_certificate_key')
    const names = valuesOf(directive.block, 'server_name')
    return value('ssl_certificate').map((certificate, i) => ({
      certificate,
      ...(keys[i] && { key: keys[i] }),
      names,
      user: 'nginx.service',
    }))
  })

const apachePairs = (directives: readonly Directive[]): Pair[] =>
  [...walk(directives)].flatMap(({ directive }) => {
    const [certificate] = valuesOf(directive.block, 'SSLCertificateFile')
    const [key = certificate] = valuesOf(directive.block, 'SSLCertificateKeyFile')
    const names = [...valuesOf(directive.block, 'ServerName'), ...valuesOf(directive.block, 'ServerAlias')].map(
      (name) => name.replace(/:\d+$/, ''),
    )
    return certificate && key ? [{ certificate, key, names, user: 'apache2.service' }] : []
  })

/** `key value` or `key = value` lines of other servers. */
const PLAIN: readonly { file: string; certificate: RegExp; key: RegExp; user: RegExp }[] = [
  {
    file: '/etc/postgresql/*/*/postgresql.conf',
    certificate: /^\s*ssl_cert_file\s*=?\s*'?([^'\s#]+)/m,
    key: /^\s*ssl_key_file\s*=?\s*'?([^'\s#]+)/m,
    user: /^postgresql@/,
  },
  {
    file: '/etc/redis/redis.conf',
    certificate: /^\s*tls-cert-file\s+(\S+)/m,
    key: /^\s*tls-key-file\s+(\S+)/m,
    user: /^redis/,
  },
  {
    file: '/etc/postfix/main.cf',
    certificate: /^smtpd_tls_cert_file\s*=\s*(\S+)/m,
    key: /^smtpd_tls_key_file\s*=\s*(\S+)/m,
    user: /^postfix/,
  },
  {
    file: '/etc/dovecot/conf.d/10-ssl.conf',
    certificate: /^ssl_cert\s*=\s*<?(\S+)/m,
    key: /^ssl_key\s*=\s*<?(\S+)/m,
    user: /^dovecot/,
  },
  {
    file: '/etc/mosquitto/conf.d/*.conf',
    certificate: /^certfile\s+(\S+)/m,
    key: /^keyfile\s+(\S+)/m,
    user: /^mosquitto/,
  },
  {
    file: '/etc/haproxy/haproxy.cfg',
    certificate: /\bcrt\s+(\S+\.\w+)/m,
    key: /\bcrt\s+(\S+\.\w+)/m,
    user: /^haproxy/,
  },
]

/** Certificate and key that a service of this host is started with: `tls.crt` and `tls.key`, `cert.pem` and `key.pem`. */
function ownPairs(facts: Facts): Pair[] {
  return facts.reality.units
    .filter((unit) => unit.kind === 'service' && isOwn(unit))
    .flatMap((unit) => {
      const paths = [...new Set(textsOf(facts, unit).match(/\/[\w./@+-]+\.(?:pem|crt|cer|cert|key)\b/g) ?? [])]
      const key = paths.find((path) => /key(?:\.\w+)?$/.test(path))
      return paths
        .filter((path) => path !== key && !/\b(?:ca|chain|root|bundle)\b/.test(path))
        .slice(0, 3)
        .map((certificate) => ({ certificate, ...(key && { key }), names: [], user: unit.id }))
    })
}

export function pairsOf(facts: Facts): Pair[] {
  const { host, reality } = facts
  const config = (main: string, syntax: typeof NGINX): readonly Directive[] =>
    readConfig(host, main, syntax, dirname(main))?.directives ?? []
  const web = [
    ...nginxPairs(config('/etc/nginx/nginx.conf', NGINX)),
    ...apachePairs(config('/etc/apache2/apache2.conf', APACHE)),
  ].map((pair) => {
    const base = pair.user.startsWith('nginx') ? '/etc/nginx' : '/etc/apache2'
    return { ...pair, certificate: resolve(base, pair.certificate), ...(pair.key && { key: resolve(base, pair.key) }) }
  })
  const plain = PLAIN.flatMap(({ file, certificate, key, user }) =>
    host.glob(file).flatMap((path) => {
      const text = host.text(path, FILE_MAX)
      const [named, keyed] = [certificate.exec(text)?.[1], key.exec(text)?.[1]]
      const unit = reality.units.find(({ id }) => user.test(id))
      return named?.startsWith('/') && unit
        ? [{ certificate: named, ...(keyed && { key: keyed }), names: [], user: unit.id }]
        : []
    }),
  )
  return [...web, ...plain, ...ownPairs(facts)].filter(({ certificate }) => !certificate.includes('$'))
}
