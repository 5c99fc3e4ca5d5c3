// Key pairs and signing requests for tests, as an agent makes them.
import 'reflect-metadata'
import { generateKeyPairSync, webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'

x509.cryptoProvider.set(webcrypto)

const P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

export type TestKey = { keyPem: string; csrPem: string }

/** A fresh P-256 key and a request for it, with a subject that nobody should believe. */
export async function createCsr(
  algorithm: Parameters<typeof webcrypto.subtle.generateKey>[0] = P256,
): Promise<TestKey> {
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name: 'CN=mttrly Central, O=root',
    keys,
    signingAlgorithm: algorithm as never,
    extensions: [
      new x509.SubjectAlternativeNameExtension([{ type: 'url', value: 'spiffe://mttrly/central' }]),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.BasicConstraintsExtension(true, 3, true),
    ],
  })
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
  return { keyPem: pem('PRIVATE KEY', pkcs8), csrPem: csr.toString('pem') }
}

/** A certificate for a fresh key, signed with any key: what a forger can make. */
export async function forge(signerKeyPem: string, signerCertificatePem: string, san: string) {
  const signer = new x509.X509Certificate(signerCertificatePem)
  const key = await importKey(signerKeyPem)
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const certificate = await x509.X509CertificateGenerator.create({
    subject: 'CN=forged',
    issuer: signer.subject,
    publicKey: new x509.PublicKey(pair.publicKey.export({ type: 'spki', format: 'der' })),
    signingKey: key,
    signingAlgorithm: P256,
    extensions: [
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension([{ type: 'url', value: san }]),
    ],
  })
  return {
    keyPem: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    certificatePem: `${certificate.toString('pem')}\n${signerCertificatePem}`,
  }
}

function importKey(keyPem: string) {
  const der = Buffer.from(keyPem.replace(/-----[^-]+-----|\s/g, ''), 'base64')
  return webcrypto.subtle.importKey('pkcs8', der, P256, true, ['sign'])
}

const pem = (label: string, der: Buffer) =>
  `-----BEGIN ${label}-----\n${der.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END ${label}-----\n`
