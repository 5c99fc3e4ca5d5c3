// Ids: a prefix that says what it is, and 128 random bits (OWASP: handles that nobody can guess).
import { randomBytes } from 'node:crypto'

const PREFIXES = {
  workspace: 'wsp',
  user: 'usr',
  server: 'srv',
  action: 'act',
  alert: 'alr',
  apiKey: 'key',
  passkey: 'psk',
  request: 'req',
  session: 'ses',
} as const

export const createId = (of: keyof typeof PREFIXES): string => `${PREFIXES[of]}_${randomBytes(16).toString('hex')}`
