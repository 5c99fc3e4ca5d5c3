// The bytes that are hashed and signed: canonical JSON (RFC 8785), SHA-256, and how a key is called.
import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import canonicalize from 'canonicalize'

/** RFC 8785 bytes of a JSON value. */
export function canonicalBytes(value: unknown): Buffer {
  const text = canonicalize(value)
  if (text === undefined) throw new TypeError('value has no JSON form')
  return Buffer.from(text, 'utf8')
}

/** SHA-256 of the bytes, as lower-case hex. */
export const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex')

/** A public key of its SubjectPublicKeyInfo in base64. @throws Error when it is none */
export const publicKeyOf = (spki: string): KeyObject =>
  createPublicKey({ key: Buffer.from(spki, 'base64'), format: 'der', type: 'spki' })

/** A key's id: SHA-256 over its SubjectPublicKeyInfo, first 16 hex digits. */
export function keyIdOf(key: KeyObject): string {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key
  return sha256(publicKey.export({ type: 'spki', format: 'der' })).slice(0, 16)
}
