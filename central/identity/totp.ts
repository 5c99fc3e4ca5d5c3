// One-time codes (RFC 6238): six digits, 30 s, SHA-1, one step of clock drift either way; a step is used once.
import { Secret, TOTP } from 'otpauth'
import type { Clock } from '../domain/clock.ts'
import type { SecondFactorsStore } from '../storage/second-factors.ts'
import type { Keyring } from './keyring.ts'

const STEP_MS = 30_000
const SHAPE = /^\d{6}$/

export type TotpEnrolment = { secret: string; uri: string }
export type Totp = ReturnType<typeof createTotp>

export function createTotp(rooms: { store: SecondFactorsStore['totp']; keyring: Keyring; clock: Clock }) {
  const { store, keyring, clock } = rooms

  const generator = (secret: Secret, label: string) =>
    new TOTP({ issuer: 'mttrly', label, secret, digits: 6, period: 30 })

  /** The step that a code belongs to; undefined when it is none of the three that count now. */
  function stepOf(secret: Secret, code: string): number | undefined {
    const now = clock.now()
    const delta = generator(secret, '').validate({ token: code, timestamp: now, window: 1 })
    return delta === null ? undefined : Math.floor(now / STEP_MS) + delta
  }

  async function use(userId: string, code: string, confirming: boolean): Promise<boolean> {
    const digits = code.replace(/\s/g, '')
    const row = await store.get(userId)
    if (!row || !SHAPE.test(digits) || (row.confirmed_at === null) !== confirming) return false
    const secret = new Secret({ buffer: new Uint8Array(keyring.unseal(row.secret, userId)).buffer })
    const step = stepOf(secret, digits)
    return step !== undefined && (await store.useStep(userId, step, confirming ? clock.now() : undefined))
  }

  return {
    async enrolled(userId: string): Promise<boolean> {
      const row = await store.get(userId)
      return row !== undefined && row.confirmed_at !== null
    },

    /** A new secret, of no effect until a code made with it is confirmed. undefined: there is a confirmed one. */
    async begin(userId: string, email: string, options: { confirmed: boolean }): Promise<TotpEnrolment | undefined> {
      const secret = new Secret({ size: 20 })
      const sealed = keyring.seal(secret.bytes, userId)
      const confirmed_at = options.confirmed ? clock.now() : null
      if (!(await store.put({ user_id: userId, secret: sealed, confirmed_at, last_step: 0 }))) return undefined
      return { secret: secret.base32, uri: generator(secret, email).toString() }
    },

    /** The secret that waits for its first code, to be shown again. */
    async waiting(userId: string, email: string): Promise<TotpEnrolment | undefined> {
      const row = await store.get(userId)
      if (!row || row.confirmed_at !== null) return undefined
      const secret = new Secret({ buffer: new Uint8Array(keyring.unseal(row.secret, userId)).buffer })
      return { secret: secret.base32, uri: generator(secret, email).toString() }
    },

    confirm: (userId: string, code: string): Promise<boolean> => use(userId, code, true),
    verify: (userId: string, code: string): Promise<boolean> => use(userId, code, false),
    remove: (userId: string): Promise<void> => store.remove(userId),
  }
}
