// The key that signs access tokens: ECDSA P-256, kept by whoever calls (a file that only Central reads).
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'

/** A new key as PKCS #8 PEM. */
export const createSigningKey = (): string =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

/** @param pem PKCS #8, P-256. @throws when it is another kind of key */
export function readSigningKey(pem: string | Buffer) {
  const privateKey = createPrivateKey(pem)
  if (privateKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new Error('The signing key must be P-256')
  const { kty, crv, x, y, d } = privateKey.export({ format: 'jwk' })
  // RFC 7638: members in alphabetical order, no white space.
  const kid = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url')
  return {
    jwk: { kty: 'EC' as const, crv: 'P-256' as const, x, y, d, kid, alg: 'ES256', use: 'sig' },
    publicKey: createPublicKey(privateKey),
    kid,
  }
}
