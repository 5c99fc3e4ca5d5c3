// Central's own certificate authority: ECDSA P-256, X.509 (RFC 5280), SPIFFE-style names. It issues two roles and writes
// the role into the certificate: the link's server, and agents. Neither can do what the other does, nor sign for others.
import 'reflect-metadata'
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  webcrypto,
} from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { sha256 } from '#proto/contract/grant.ts'
import { LIMITS } from '#proto/contract/limits.ts'
import type { Clock } from '../domain/clock.ts'

x509.cryptoProvider.set(webcrypto)

const P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const DAY = 24 * 3_600_000
const CA_LIFE = 20 * 365 * DAY
const LINK_LIFE = 2 * 365 * DAY
/** A host whose clock is slow must still find the certificate valid. */
const BACKDATED = 3_600_000
const CA_NAME = 'CN=mttrly CA'
const CENTRAL_URI = 'spiffe://mttrly/central'
const ID = /^[a-z]{3}_[0-9a-f]{32}$/

export type KeyPairPem = { keyPem: string; certificatePem: string }

/** `serial`, `fingerprint` (SHA-256 of the DER) and `issuer` (the authority's fingerprint) are lower-case hex; times Unix ms. */
export type IssuedCertificate = {
  certificatePem: string
  issuer: string
  serial: string
  fingerprint: string
  issuedAt: number
  notAfter: number
}

/** Names that agents may use for the link. */
export type LinkNames = { dns: readonly string[]; ip: readonly string[] }
export type CsrRefusal = { refused: 'form' | 'signature' | 'key' }
export type AgentIdentity = { workspaceId: string; serverId: string }

export type Ca = {
  certificatePem: string
  fingerprint: string
  /** @throws CatalogueError where another authority has taken its place while Central runs */
  requireIssuing(): void
  /** A certificate for the key in the request; of the request's own names nothing is taken. */
  issueAgent(csrPem: string, identity: AgentIdentity): Promise<IssuedCertificate | CsrRefusal>
  issueLink(names: LinkNames): Promise<KeyPairPem>
}

const agentUri = ({ workspaceId, serverId }: AgentIdentity) =>
  `spiffe://mttrly/workspace/${workspaceId}/server/${serverId}/agent`
const AGENT_SAN = /^URI:spiffe:\/\/mttrly\/workspace\/([a-z]{3}_[0-9a-f]{32})\/server\/([a-z]{3}_[0-9a-f]{32})\/agent$/

/** Whom a verified certificate names, by its subjectAltName as Node prints it; undefined when it is not an agent's. */
export function agentOf(subjectaltname: string | undefined): AgentIdentity | undefined {
  const match = AGENT_SAN.exec(subjectaltname ?? '')
  return match?.[1] && match[2] ? { workspaceId: match[1], serverId: match[2] } : undefined
}

/** A new authority: key and self-signed certificate. */
export async function createAuthority(clock: Clock): Promise<KeyPairPem> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const keys = { privateKey: signingKey(privateKey), publicKey: verifyingKey(publicKey) }
  const now = clock.now()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: CA_NAME,
    notBefore: new Date(now - BACKDATED),
    notAfter: new Date(now + CA_LIFE),
    signingAlgorithm: P256,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { keyPem: pemOf(privateKey), certificatePem: certificate.toString('pem') }
}

/** @throws Error when key and certificate do not belong together */
export async function openCa({ keyPem, certificatePem }: KeyPairPem, clock: Clock): Promise<Ca> {
  const privateKey = createPrivateKey(keyPem)
  const own = new x509.X509Certificate(certificatePem)
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
  if (!spki.equals(Buffer.from(own.publicKey.rawData)))
    throw new Error('the CA key is not the key of the CA certificate')
  const signer = signingKey(privateKey)
  const issuer = sha256(new Uint8Array(own.rawData))
  const authority = await x509.AuthorityKeyIdentifierExtension.create(own.publicKey)

  type Leaf = {
    subject: string
    publicKey: x509.PublicKey
    life: number
    usage: x509.ExtendedKeyUsage
    names: x509.JsonGeneralNames
  }
  async function issue({ subject, publicKey, life, usage, names }: Leaf): Promise<IssuedCertificate> {
    const issuedAt = clock.now()
    const serial = newSerial()
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serial,
      subject,
      issuer: own.subject,
      notBefore: new Date(issuedAt - BACKDATED),
      notAfter: new Date(issuedAt + life),
      signingAlgorithm: P256,
      publicKey,
      signingKey: signer,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([usage], true),
        new x509.SubjectAlternativeNameExtension(names),
        authority,
      ],
    })
    return {
      certificatePem: certificate.toString('pem'),
      issuer,
      serial,
      fingerprint: sha256(new Uint8Array(certificate.rawData)),
      issuedAt,
      notAfter: certificate.notAfter.getTime(),
    }
  }

  return {
    certificatePem,
    fingerprint: issuer,
    requireIssuing() {},
    async issueAgent(csrPem, identity) {
      if (!ID.test(identity.workspaceId) || !ID.test(identity.serverId)) throw new TypeError('not an id')
      const checked = await checkCsr(csrPem)
      if ('refused' in checked) return checked
      return issue({
        subject: `CN=${identity.serverId}`,
        publicKey: checked.publicKey,
        life: LIMITS.certificateLife,
        usage: x509.ExtendedKeyUsage.clientAuth,
        names: [{ type: 'url', value: agentUri(identity) }],
      })
    },
    async issueLink({ dns, ip }) {
      const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const { certificatePem } = await issue({
        subject: 'CN=mttrly Central',
        publicKey: new x509.PublicKey(pair.publicKey.export({ type: 'spki', format: 'der' })),
        life: LINK_LIFE,
        usage: x509.ExtendedKeyUsage.serverAuth,
        names: [
          { type: 'url', value: CENTRAL_URI },
          ...dns.map((value) => ({ type: 'dns', value }) as const),
          ...ip.map((value) => ({ type: 'ip', value }) as const),
        ],
      })
      return { keyPem: pemOf(pair.privateKey), certificatePem }
    },
  }
}

const CSR_PEM = /^\s*-----BEGIN CERTIFICATE REQUEST-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE REQUEST-----\s*$/

/** Only the key is of interest, and that its holder made the request (RFC 2986). */
async function checkCsr(pem: string): Promise<{ publicKey: x509.PublicKey } | CsrRefusal> {
  if (!CSR_PEM.test(pem)) return { refused: 'form' }
  try {
    const csr = new x509.Pkcs10CertificateRequest(pem)
    const der = Buffer.from(csr.publicKey.rawData)
    const { asymmetricKeyType, asymmetricKeyDetails } = createPublicKey({ key: der, type: 'spki', format: 'der' })
    if (asymmetricKeyType !== 'ec' || asymmetricKeyDetails?.namedCurve !== 'prime256v1') return { refused: 'key' }
    return (await csr.verify()) ? { publicKey: csr.publicKey } : { refused: 'signature' }
  } catch {
    return { refused: 'form' }
  }
}

/** 126 random bits; the first byte is never zero, so that every reader prints it with the same length. */
function newSerial(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return bytes.toString('hex')
}

const pemOf = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString()
const signingKey = (key: KeyObject) => key.toCryptoKey(P256, true, ['sign'])
const verifyingKey = (key: KeyObject) => key.toCryptoKey(P256, true, ['verify'])
