// Keys that are derived from Central's data key, one for each use, and the small pieces of cryptography of this room.
import { createCipheriv, createDecipheriv, createHmac, hash, hkdfSync, randomBytes } from 'node:crypto'

export type Keyring = ReturnType<typeof createKeyring>

const IV = 12
const TAG = 16

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

    /** AES-256-GCM: iv, ciphertext, tag. `owner` is authenticated, so a sealed secret cannot be moved to another row. */
    seal(secret: Uint8Array, owner: string): Buffer {
      const iv = randomBytes(IV)
      const cipher = createCipheriv('aes-256-gcm', sealing, iv).setAAD(Buffer.from(owner))
      return Buffer.concat([iv, cipher.update(secret), cipher.final(), cipher.getAuthTag()])
    },

    /** Throws when the bytes were changed, moved to another owner, or sealed under another key. */
    unseal(sealed: Uint8Array, owner: string): Buffer {
      const bytes = Buffer.from(sealed)
      const decipher = createDecipheriv('aes-256-gcm', sealing, bytes.subarray(0, IV)).setAAD(Buffer.from(owner))
      decipher.setAuthTag(bytes.subarray(-TAG))
      return Buffer.concat([decipher.update(bytes.subarray(IV, -TAG)), decipher.final()])
    },

    /** The same for all forms of one session, and of no use in another. */
    csrfFor: (sessionId: string): string => createHmac('sha256', csrf).update(sessionId).digest('base64url'),
  }
}
