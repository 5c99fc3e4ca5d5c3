// Proof of presence: a second factor shown now, for a stated purpose, good once. Signing in uses it, and so does
// whoever needs to know that the person is there (an approval: purpose is the action's digest).
import type { PublicKeyCredentialRequestOptionsJSON } from '@simplewebauthn/server'
import { z } from 'zod'
import { AuthenticationResponse, type Passkeys } from './passkeys.ts'
import type { RecoveryCodes } from './recovery-codes.ts'
import type { SessionView } from './sessions.ts'
import type { Throttle } from './throttle.ts'
import type { Totp } from './totp.ts'

export type Evidence =
  | { kind: 'totp'; code: string }
  | { kind: 'recovery'; code: string }
  | { kind: 'passkey'; response: unknown }

export type ProofKind = Evidence['kind']

/** TWO_FACTOR_REQUIRED: this person has no second factor yet. */
export type ProofRefused = {
  refused: 'TWO_FACTOR_REQUIRED' | 'TWO_FACTOR_INVALID' | 'RATE_LIMITED'
  retryAfterS?: number
}

export type Factors = { totp: boolean; passkeys: boolean; recoveryCodes: number }

const Fields = z.object({ code: z.string().max(100).optional(), passkey: z.string().max(65_536).optional() })

/** From a form with a field `code` (six digits, or a recovery code) or `passkey` (the browser's answer as JSON). */
export function evidenceFrom(form: unknown): Evidence | undefined {
  const { data } = Fields.safeParse(form)
  if (data?.passkey) return { kind: 'passkey', response: parseJson(data.passkey) }
  const code = data?.code?.replace(/\s/g, '')
  if (!code) return undefined
  return /^\d{6}$/.test(code) ? { kind: 'totp', code } : { kind: 'recovery', code }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** No purpose that a caller thinks of is one of signing in or registering. */
const fresh = (purpose: string): string => `fresh ${purpose}`

export type Proofs = ReturnType<typeof createProofs>

export function createProofs(rooms: {
  totp: Totp
  passkeys: Passkeys
  recoveryCodes: RecoveryCodes
  throttle: Throttle
}) {
  const { totp, passkeys, recoveryCodes, throttle } = rooms

  async function factorsOf(userId: string): Promise<Factors> {
    const [hasTotp, hasPasskeys] = [await totp.enrolled(userId), await passkeys.exist(userId)]
    return { totp: hasTotp, passkeys: hasPasskeys, recoveryCodes: await recoveryCodes.left(userId) }
  }

  const checks: Record<ProofKind, (userId: string, purpose: string, evidence: Evidence) => Promise<boolean>> = {
    totp: async (userId, _, evidence) => evidence.kind === 'totp' && totp.verify(userId, evidence.code),
    recovery: async (userId, _, evidence) => evidence.kind === 'recovery' && recoveryCodes.use(userId, evidence.code),
    passkey: async (userId, purpose, evidence) => {
      if (evidence.kind !== 'passkey') return false
      const { data } = AuthenticationResponse.safeParse(evidence.response)
      return data !== undefined && passkeys.verifyFor(userId, purpose, data)
    },
  }

  async function prove(userId: string, purpose: string, evidence: Evidence): Promise<ProofKind | ProofRefused> {
    const factors = await factorsOf(userId)
    if (!factors.totp && !factors.passkeys) return { refused: 'TWO_FACTOR_REQUIRED' }
    const admission = await throttle.admit(['factor', userId])
    if (!admission.admitted) {
      return { refused: 'RATE_LIMITED', retryAfterS: Math.ceil(admission.retryAfterMs / 1000) }
    }
    if (!(await checks[evidence.kind](userId, purpose, evidence))) return { refused: 'TWO_FACTOR_INVALID' }
    await throttle.succeeded('factor', userId)
    return evidence.kind
  }

  return {
    factorsOf,
    prove,

    /** @param purpose what the proof is for, for example an action's digest; a passkey's answer is good for that alone. */
    proveFresh: (session: SessionView, purpose: string, evidence: Evidence): Promise<ProofKind | ProofRefused> =>
      prove(session.userId, fresh(purpose), evidence),

    /** undefined: this person has no passkey. */
    passkeyOptions: (
      session: SessionView,
      purpose: string,
    ): Promise<PublicKeyCredentialRequestOptionsJSON | undefined> =>
      passkeys.optionsFor(session.userId, fresh(purpose)),
  }
}
