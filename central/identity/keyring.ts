// Keys that are derived from Central's data key, one for each use, and the small pieces of cryptography of this room.
import { createHmac, hash, hkdfSync, randomBytes } from 'node:crypto'
import { seal, unseal } from '../domain/seal.ts'

export type Keyring = ReturnType<typeof createKeyring>

/** 256 random bits, 43 characters of base64url. */
export const randomToken = (): string => randomBytes(32).toString('base64url')

/** Fit for secrets of 80 bits and more; passwords go through argon2id. */
export const digest = (secret: string): string => hash('sha256', secret, 'hex')

/** @param dataKey 32 random bytes that only Central has. */
export function createKeyring(dataKey: Buffer) {
  if (dataKey.length !== 32) throw new Error('The data key must have 32 bytes')
  const derive = (use: string): Buffer => Buffer.from(hkdfSync('sha256', dataKey, '', `mttrly ${use}`, 32))
  const sealing = derive('seal')
  const csrf = derive('csrf')

  return {
    derive,

    /** `owner` is authenticated, so a sealed secret cannot be moved to another row. */
    seal: (secret: Uint8Array, owner: string): Buffer => seal(sealing, owner, Buffer.from(secret)),

    /** Throws when the bytes were changed, moved to another owner, or sealed under another key. */
    unseal: (sealed: Uint8Array, owner: string): Buffer => unseal(sealing, owner, sealed),

    /** The same for all forms of one session, and of no use in another. */
    csrfFor: (sessionId: string): string => createHmac('sha256', csrf).update(sessionId).digest('base64url'),
  }
}
