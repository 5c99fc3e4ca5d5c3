// A passkey's gesture that the host itself looks at: the browser is asked to sign the statement's hash, and the answer goes
// into the approval as it came. Whether it will do is asked in approvals, and on the host.
import { z } from 'zod'
import { type Approval, challengeOf } from '#proto/contract/approval.ts'
import { keyIdOf, publicKeyOf } from '#proto/contract/canonical.ts'
import { CatalogueError } from '#proto/contract/errors.ts'
import { statementOf } from '../approvals/signed.ts'
import type { Action, HostSpec } from '../domain/action.ts'
import type { Answer, Visit } from './door.ts'
import type { ConsoleRooms } from './rooms.ts'

const base64url = z
  .string()
  .max(4_096)
  .regex(/^[\w-]+$/)
  .transform((text) => Buffer.from(text, 'base64url').toString('base64'))
const Assertion = z.object({
  id: z.string().max(2_048),
  response: z.object({ clientDataJSON: base64url, authenticatorData: base64url, signature: base64url }),
})

export async function signingChallenge(
  { session }: Visit,
  { identity }: ConsoleRooms,
  action: Action,
  spec: HostSpec,
): Promise<Answer> {
  const options = await identity.passkeys.optionsToSign(session.userId, challengeOf(statementOf(action, spec)))
  if (!options) throw new CatalogueError('TWO_FACTOR_REQUIRED', { why: 'You have no passkey.' })
  return { json: options }
}

/** What this person's passkey has signed, if the form brings that. */
export async function gestureIn(
  { session, form }: Visit,
  { identity }: ConsoleRooms,
  action: Action,
  spec: HostSpec,
): Promise<Approval | undefined> {
  if (!form.passkey) return undefined
  const { data } = Assertion.safeParse(parseJson(form.passkey))
  const spki = data && (await identity.passkeys.spkiFor(session.userId, data.id))
  if (!data || !spki) throw new CatalogueError('TWO_FACTOR_INVALID')
  const { clientDataJSON, authenticatorData, signature } = data.response
  return {
    statement: statementOf(action, spec),
    key_id: keyIdOf(publicKeyOf(spki)),
    signature,
    passkey: { authenticator_data: authenticatorData, client_data: clientDataJSON },
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
