// A grant: Central's signed statement that this exact action may run on this server, once, until a time.
// Canonical JSON (RFC 8785), Ed25519 (RFC 8032). Made by central/calls, checked by the lane that executes it.
import { type KeyObject, sign, verify } from 'node:crypto'
import { z } from 'zod'
import { Approval, Run } from './approval.ts'
import { canonicalBytes, keyIdOf } from './canonical.ts'

export { canonicalBytes, keyIdOf, sha256 } from './canonical.ts'

export const Grant = z.strictObject({
  version: z.literal(1),
  action_id: z.string(),
  server_id: z.string(),
  kind: z.literal('command'),
  ...Run.shape,
  /** Of an approver of the host, where the host asks for one. */
  approval: Approval.optional(),
  /** Unix ms; past it the lane refuses to start. */
  start_before: z.number().int(),
  nonce: z.string().min(22),
})
export type Grant = z.infer<typeof Grant>

export type SignedGrant = { grant: Buffer; signature: Buffer; keyId: string }

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
