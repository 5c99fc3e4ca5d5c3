// A grant: Central's signed statement that this exact action may run on this server, once, until a time.
// Canonical JSON (RFC 8785), Ed25519 (RFC 8032). Made by central/calls, checked by the lane that executes it.
import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import canonicalize from 'canonicalize'
import { z } from 'zod'
import { LIMITS } from './limits.ts'

export const Grant = z.strictObject({
  version: z.literal(1),
  action_id: z.string(),
  server_id: z.string(),
  kind: z.literal('command'),
  /** What is executed, word for word. */
  argv: z.array(z.string().max(LIMITS.commandLine)).min(1),
  /** Standard input, base64: what is too long for a command line, or must not stand in one. Without it there is none. */
  input: z
    .base64()
    .max(4 * Math.ceil(LIMITS.grantInput / 3))
    .optional(),
  cwd: z.string(),
  env: z.record(z.string(), z.string()),
  /** Account on the host; empty for the one the act lane runs as. */
  user: z.string(),
  terminal: z.boolean(),
  timeout_ms: z.number().int().positive().max(LIMITS.runMax),
  /** Unix ms; past it the lane refuses to start. */
  start_before: z.number().int(),
  nonce: z.string().min(22),
})
export type Grant = z.infer<typeof Grant>

export type SignedGrant = { grant: Buffer; signature: Buffer; keyId: string }

/** RFC 8785 bytes of a JSON value. */
export function canonicalBytes(value: unknown): Buffer {
  const text = canonicalize(value)
  if (text === undefined) throw new TypeError('value has no JSON form')
  return Buffer.from(text, 'utf8')
}

/** SHA-256 of the bytes, as lower-case hex. */
export const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex')

/** A key's id: SHA-256 over its SubjectPublicKeyInfo, first 16 hex digits. */
export function keyIdOf(key: KeyObject): string {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key
  return sha256(publicKey.export({ type: 'spki', format: 'der' })).slice(0, 16)
}

export function signGrant(grant: Grant, key: KeyObject): SignedGrant {
  const bytes = canonicalBytes(Grant.parse(grant))
  return { grant: bytes, signature: sign(null, bytes, key), keyId: keyIdOf(key) }
}

export type GrantCheck = { ok: true; grant: Grant } | { ok: false; why: 'signature' | 'form' | 'server' | 'expired' }

/** Checks signature, form, server and time. That it is used once is the lane's own record. */
export function verifyGrant(
  signed: Pick<SignedGrant, 'grant' | 'signature'>,
  expected: { key: KeyObject; serverId: string; now: number },
): GrantCheck {
  if (!verify(null, signed.grant, expected.key, signed.signature)) return { ok: false, why: 'signature' }
  const parsed = Grant.safeParse(JSON.parse(signed.grant.toString('utf8')))
  if (!parsed.success || !canonicalBytes(parsed.data).equals(signed.grant)) return { ok: false, why: 'form' }
  if (parsed.data.server_id !== expected.serverId) return { ok: false, why: 'server' }
  if (parsed.data.start_before < expected.now) return { ok: false, why: 'expired' }
  return { ok: true, grant: parsed.data }
}
