// Passkeys (WebAuthn level 3). A challenge is made for one purpose, of one person where that is known, and is used up
// by the first answer for that purpose, right or wrong.
import {
  type AuthenticationResponseJSON,
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server'
import { cose, decodeCredentialPublicKey } from '@simplewebauthn/server/helpers'
import { z } from 'zod'
import type { Clock } from '../domain/clock.ts'
import { createId } from '../domain/ids.ts'
import type { OneTimeStore } from '../storage/one-time.ts'
import type { PasskeyRow, SecondFactorsStore } from '../storage/second-factors.ts'
import { digest, randomToken } from './keyring.ts'

const CHALLENGE_LIFE = 5 * 60_000
const MAX_PASSKEYS = 20

const TRANSPORTS = ['ble', 'cable', 'hybrid', 'internal', 'nfc', 'smart-card', 'usb'] as const
const text = z.string().max(16_384)

/** What a browser sends. Looser than the library's types only where those are. */
const Attachment = z
  .enum(['cross-platform', 'platform'])
  .nullish()
  .transform((value) => value ?? undefined)
const Common = { id: text, rawId: text, type: z.literal('public-key'), authenticatorAttachment: Attachment }
const Extensions = z.looseObject({}).default({})

export const AuthenticationResponse = z.object({
  ...Common,
  clientExtensionResults: Extensions,
  response: z.object({
    clientDataJSON: text,
    authenticatorData: text,
    signature: text,
    userHandle: text.nullish().transform((value) => value ?? undefined),
  }),
})

export const RegistrationResponse = z.object({
  ...Common,
  clientExtensionResults: Extensions,
  response: z.object({
    clientDataJSON: text,
    attestationObject: text,
    transports: z.array(z.enum(TRANSPORTS)).optional().catch(undefined),
  }),
})

const ClientData = z.object({ challenge: z.string().max(200) })

/** `approver` is how a host's policy names it (SubjectPublicKeyInfo, base64), where a host can check it. */
export type PasskeyView = {
  id: string
  name: string
  createdAt: number
  lastUsedAt: number | null
  approver: { key: string; origin: string } | null
}
export type Passkeys = ReturnType<typeof createPasskeys>

type Rooms = {
  store: SecondFactorsStore['passkeys']
  oneTime: OneTimeStore
  clock: Clock
  publicUrl: string
}

export function createPasskeys({ store, oneTime, clock, publicUrl }: Rooms) {
  const { origin, hostname } = new URL(publicUrl)

  async function challengeFor(purpose: string, userId: string | null): Promise<string> {
    const challenge = randomToken()
    const expiresAt = clock.now() + CHALLENGE_LIFE
    await oneTime.add(digest(challenge), { purpose: `passkey ${purpose}`, userId, payload: {}, expiresAt })
    return challenge
  }

  /** The challenge that a response answers, taken; undefined when it was made for something or somebody else. */
  async function takeChallenge(clientDataJSON: string, purpose: string, userId: string | null) {
    const challenge = challengeIn(clientDataJSON)
    if (!challenge) return undefined
    const taken = await oneTime.take(digest(challenge), `passkey ${purpose}`, clock.now())
    return taken && taken.userId === userId ? challenge : undefined
  }

  const allowed = (rows: readonly PasskeyRow[]) =>
    rows.map((row) => ({ id: row.credential_id, transports: transportsOf(row) }))

  async function check(row: PasskeyRow, response: AuthenticationResponseJSON, challenge: string, verified: boolean) {
    const result = await verifyAuthenticationResponse({
      response,
      expectedChallenge: challenge,
      expectedOrigin: origin,
      expectedRPID: hostname,
      requireUserVerification: verified,
      credential: { id: row.credential_id, publicKey: new Uint8Array(row.public_key), counter: row.counter },
    }).catch(() => undefined)
    if (!result?.verified) return false
    return store.used(row.id, row.counter, result.authenticationInfo.newCounter, clock.now())
  }

  function approverOf(row: PasskeyRow): PasskeyView['approver'] {
    const key = spkiOf(row)
    return key === undefined ? null : { key, origin }
  }

  return {
    async list(userId: string): Promise<PasskeyView[]> {
      const rows = await store.list(userId)
      return rows.map((row) => ({
        id: row.id,
        name: row.name,
        createdAt: row.created_at,
        lastUsedAt: row.last_used_at,
        approver: approverOf(row),
      }))
    },

    /** undefined: the person has as many as there may be. */
    async registrationOptions(user: {
      id: string
      email: string
    }): Promise<PublicKeyCredentialCreationOptionsJSON | undefined> {
      const rows = await store.list(user.id)
      if (rows.length >= MAX_PASSKEYS) return undefined
      return generateRegistrationOptions({
        rpName: 'mttrly',
        rpID: hostname,
        userName: user.email,
        userID: new Uint8Array(Buffer.from(user.id)),
        challenge: Buffer.from(await challengeFor('register', user.id), 'base64url'),
        attestationType: 'none',
        excludeCredentials: allowed(rows),
        authenticatorSelection: { residentKey: 'preferred', userVerification: 'preferred' },
        supportedAlgorithmIDs: ALGORITHMS,
      })
    },

    async register(userId: string, response: RegistrationResponseJSON, name: string): Promise<PasskeyView | undefined> {
      const challenge = await takeChallenge(response.response.clientDataJSON, 'register', userId)
      if (!challenge) return undefined
      const result = await verifyRegistrationResponse({
        response,
        expectedChallenge: challenge,
        expectedOrigin: origin,
        expectedRPID: hostname,
        requireUserVerification: false,
      }).catch(() => undefined)
      if (!result?.verified) return undefined
      const { credential } = result.registrationInfo
      const row: PasskeyRow = {
        id: createId('passkey'),
        user_id: userId,
        credential_id: credential.id,
        public_key: credential.publicKey,
        counter: credential.counter,
        transports: JSON.stringify(credential.transports ?? []),
        name,
        created_at: clock.now(),
        last_used_at: null,
      }
      if (!(await store.add(row))) return undefined
      return { id: row.id, name, createdAt: row.created_at, lastUsedAt: null, approver: approverOf(row) }
    },

    /** For a known person: their passkeys and nobody else's. */
    async optionsFor(userId: string, purpose: string): Promise<PublicKeyCredentialRequestOptionsJSON | undefined> {
      const rows = await store.list(userId)
      if (rows.length === 0) return undefined
      return generateAuthenticationOptions({
        rpID: hostname,
        allowCredentials: allowed(rows),
        challenge: Buffer.from(await challengeFor(purpose, userId), 'base64url'),
        userVerification: 'preferred',
      })
    },

    /**
     * Options for a signature that somebody else checks: the challenge says what is signed, so nothing is remembered here,
     * and the person must be verified.
     */
    async optionsToSign(userId: string, challenge: Buffer): Promise<PublicKeyCredentialRequestOptionsJSON | undefined> {
      const rows = await store.list(userId)
      if (rows.length === 0) return undefined
      const asked = { challenge: new Uint8Array(challenge), userVerification: 'required' } as const
      return generateAuthenticationOptions({ rpID: hostname, allowCredentials: allowed(rows), ...asked })
    },

    /** The public key of one of this person's passkeys, by the id that the browser gives it. */
    async spkiFor(userId: string, credentialId: string): Promise<string | undefined> {
      const row = await store.find(credentialId)
      return row?.user_id === userId ? spkiOf(row) : undefined
    },

    async verifyFor(userId: string, purpose: string, response: AuthenticationResponseJSON): Promise<boolean> {
      const challenge = await takeChallenge(response.response.clientDataJSON, purpose, userId)
      const row = await store.find(response.id)
      return challenge !== undefined && row?.user_id === userId && (await check(row, response, challenge, false))
    },

    /** Signing in without a name: the passkey says who it is, so it must also have verified its user. */
    async signInOptions(): Promise<PublicKeyCredentialRequestOptionsJSON> {
      return generateAuthenticationOptions({
        rpID: hostname,
        challenge: Buffer.from(await challengeFor('sign-in', null), 'base64url'),
        userVerification: 'required',
      })
    },

    async verifySignIn(response: AuthenticationResponseJSON): Promise<string | undefined> {
      const challenge = await takeChallenge(response.response.clientDataJSON, 'sign-in', null)
      const row = await store.find(response.id)
      return challenge && row && (await check(row, response, challenge, true)) ? row.user_id : undefined
    },

    remove: (userId: string, id: string): Promise<boolean> => store.remove(userId, id),
    exist: async (userId: string): Promise<boolean> => (await store.list(userId)).length > 0,
  }
}

/** COSE: ES256 first, since a host can check it (agent/guard/approvers.ts); EdDSA; RS256. */
const ALGORITHMS = [-7, -8, -257]

/** DER up to the point of a P-256 key (RFC 5480). Other keys sign in and approve, but no host can check them. */
const UNCOMPRESSED = 0x04
const P256 = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex')

function spkiOf({ public_key }: PasskeyRow): string | undefined {
  const key = decodeCredentialPublicKey(new Uint8Array(public_key))
  if (!cose.isCOSEPublicKeyEC2(key) || key.get(cose.COSEKEYS.crv) !== cose.COSECRV.P256) return undefined
  const [x, y] = [key.get(cose.COSEKEYS.x), key.get(cose.COSEKEYS.y)]
  return x && y ? Buffer.concat([P256, Buffer.from([UNCOMPRESSED]), x, y]).toString('base64') : undefined
}

type Transport = (typeof TRANSPORTS)[number]

const transportsOf = (row: PasskeyRow): Transport[] => z.array(z.enum(TRANSPORTS)).parse(JSON.parse(row.transports))

function challengeIn(clientDataJSON: string): string | undefined {
  try {
    return ClientData.parse(JSON.parse(Buffer.from(clientDataJSON, 'base64url').toString())).challenge
  } catch {
    return undefined
  }
}
