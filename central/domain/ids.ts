// Ids: a prefix that says what it is, and 128 random bits (OWASP: handles that nobody can guess).
import { randomBytes } from 'node:crypto'

const PREFIXES = {
  workspace: 'wsp',
  user: 'usr',
  server: 'srv',
  invitation: 'inv',
  action: 'act',
  alert: 'alr',
  apiKey: 'key',
  passkey: 'psk',
  request: 'req',
  session: 'ses',
} as const

export const createId = (of: keyof typeof PREFIXES): string => `${PREFIXES[of]}_${randomHex()}`

const BYTES = 16
let pool: Buffer = Buffer.alloc(0)
let taken = 0

/** From a pool, since asking the system costs the same for one id as for 256. No byte is used twice. */
function randomHex(): string {
  if (taken + BYTES > pool.length) {
    pool = randomBytes(256 * BYTES)
    taken = 0
  }
  taken += BYTES
  return pool.toString('hex', taken - BYTES, taken)
}
