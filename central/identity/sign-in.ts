// Signing in: a password and, where the person has one, a second factor; or a passkey alone. Wrong name, wrong
// password and disabled account look the same and take the same time.
import type { Logger } from 'pino'
import type { Clock } from '../domain/clock.ts'
import type { OneTimeStore } from '../storage/one-time.ts'
import type { UsersStore } from '../storage/users.ts'
import { digest, randomToken } from './keyring.ts'
import { AuthenticationResponse, type Passkeys } from './passkeys.ts'
import { verifyPassword } from './password.ts'
import type { Evidence, Factors, ProofKind, Proofs } from './proof.ts'
import type { HasHeaders, Sessions } from './sessions.ts'
import type { Throttle } from './throttle.ts'

const STEP_LIFE = 10 * 60_000
const STEP = 'second factor'

/** RFC 8176 words for what each factor proves. */
const AMR: Record<ProofKind, string[]> = {
  totp: ['pwd', 'otp', 'mfa'],
  recovery: ['pwd', 'recovery', 'mfa'],
  passkey: ['pwd', 'hwk', 'mfa'],
}

/** Where a request came from: the address as the proxy rules of the HTTP server give it, and the headers. */
export type Door = { address: string; from: HasHeaders }

export type SignIn =
  | { kind: 'signed_in'; setCookie: string }
  /** The password was right; `setCookie` carries the half-done sign-in to the second step. */
  | { kind: 'second_factor'; setCookie: string }
  | { kind: 'refused'; why: 'wrong' | 'start_again' }
  | { kind: 'refused'; why: 'throttled'; retryAfterS: number }

type Rooms = {
  users: UsersStore
  oneTime: OneTimeStore
  throttle: Throttle
  proofs: Proofs
  passkeys: Passkeys
  sessions: Sessions
  clock: Clock
  log: Logger
  onSignedIn: OnSignedIn
}

/** For the audit log: without its line nobody is signed in. */
export type OnSignedIn = (who: { userId: string; amr: readonly string[]; address: string }) => Promise<void>

export type SignInFlow = ReturnType<typeof createSignIn>

export function createSignIn(rooms: Rooms) {
  const { users, oneTime, throttle, proofs, passkeys, sessions, clock, log, onSignedIn } = rooms
  const wrong = { kind: 'refused', why: 'wrong' } as const
  const throttled = (retryAfterMs: number): SignIn => ({
    kind: 'refused',
    why: 'throttled',
    retryAfterS: Math.ceil(retryAfterMs / 1000),
  })

  async function signedIn(userId: string, amr: string[], door: Door): Promise<SignIn> {
    await onSignedIn({ userId, amr, address: door.address })
    log.info({ user_id: userId, amr, address: door.address }, 'signed in')
    return { kind: 'signed_in', setCookie: await sessions.open({ userId, amr, from: door.from }) }
  }

  async function beginSecondStep(userId: string): Promise<SignIn> {
    const token = randomToken()
    const expiresAt = clock.now() + STEP_LIFE
    await oneTime.add(digest(token), { purpose: STEP, userId, payload: {}, expiresAt })
    return { kind: 'second_factor', setCookie: sessions.cookies.step.set(token, STEP_LIFE) }
  }

  /** Whose second step this is. */
  async function stepOf(from: HasHeaders) {
    const token = sessions.cookies.step.read(from)
    const step = token ? await oneTime.peek(digest(token), STEP, clock.now()) : undefined
    if (!token || !step?.userId) return undefined
    const user = await users.get(step.userId)
    return user && user.disabled_at === null ? { token, user } : undefined
  }

  return {
    async withPassword(email: string, password: string, door: Door): Promise<SignIn> {
      const account = email.toLowerCase().slice(0, 320)
      const admission = await throttle.admit(['address', door.address], ['account', account])
      if (!admission.admitted) return throttled(admission.retryAfterMs)
      const user = await users.findByEmail(account)
      const right = await verifyPassword(password, user?.password_hash ?? null)
      if (!user || !right || user.disabled_at !== null) return wrong
      await throttle.succeeded('account', account)
      await throttle.refund('address', door.address)
      const factors = await proofs.factorsOf(user.id)
      if (factors.totp || factors.passkeys) return beginSecondStep(user.id)
      return signedIn(user.id, ['pwd'], door)
    },

    /** What the second page may offer; undefined when there is no half-done sign-in. */
    async secondStep(from: HasHeaders): Promise<Factors | undefined> {
      const step = await stepOf(from)
      return step && proofs.factorsOf(step.user.id)
    },

    async secondStepPasskeyOptions(from: HasHeaders) {
      const step = await stepOf(from)
      return step && passkeys.optionsFor(step.user.id, STEP)
    },

    async withSecondFactor(evidence: Evidence, door: Door): Promise<SignIn> {
      const step = await stepOf(door.from)
      if (!step) return { kind: 'refused', why: 'start_again' }
      const proof = await proofs.prove(step.user.id, STEP, evidence)
      if (typeof proof !== 'string') {
        return proof.refused === 'RATE_LIMITED' ? throttled((proof.retryAfterS ?? 0) * 1000) : wrong
      }
      if (!(await oneTime.take(digest(step.token), STEP, clock.now()))) return { kind: 'refused', why: 'start_again' }
      return signedIn(step.user.id, AMR[proof], door)
    },

    passkeyOptions: () => passkeys.signInOptions(),

    /** The passkey verified its user, so it is two factors at once. */
    async withPasskey(response: unknown, door: Door): Promise<SignIn> {
      const admission = await throttle.admit(['address', door.address])
      if (!admission.admitted) return throttled(admission.retryAfterMs)
      const { data } = AuthenticationResponse.safeParse(response)
      const userId = data && (await passkeys.verifySignIn(data))
      const user = userId ? await users.get(userId) : undefined
      if (!user || user.disabled_at !== null) return wrong
      await throttle.refund('address', door.address)
      return signedIn(user.id, ['hwk', 'user', 'mfa'], door)
    },
  }
}
