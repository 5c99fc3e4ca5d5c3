// An approval: an approver's signed statement that this exact run may happen on this server. A host with
// `approvals: signed` believes it alone. It is made by install/approver, or by a passkey on Central's page, stands in the
// grant, and is checked by the act lane against the keys in the host's own policy.yaml.
import { createHash, type KeyObject, verify } from 'node:crypto'
import { z } from 'zod'
import { canonicalBytes, keyIdOf, sha256 } from './canonical.ts'
import { LIMITS } from './limits.ts'

/** What is executed, word for word: all of a grant that is known before it is dispatched. Other fields are left out. */
export const Run = z.object({
  argv: z.array(z.string().max(LIMITS.commandLine)).min(1),
  /** Standard input, base64: what is too long for a command line, or must not stand in one. Without it there is none. */
  input: z
    .base64()
    .max(4 * Math.ceil(LIMITS.grantInput / 3))
    .optional(),
  cwd: z.string(),
  env: z.record(z.string(), z.string()),
  /** Account on the host; empty for the one the act lane runs as. */
  user: z.string(),
  terminal: z.boolean(),
  timeout_ms: z.number().int().positive().max(LIMITS.runMax),
})
export type Run = z.infer<typeof Run>

export const Statement = z.strictObject({
  version: z.literal(1),
  purpose: z.literal('mttrly-approval'),
  server_id: z.string(),
  action_id: z.string(),
  /** SHA-256 of the run's canonical bytes. */
  run: z.string(),
  /** Unix ms; past it nothing starts. */
  not_after: z.number().int(),
})
export type Statement = z.infer<typeof Statement>

export const Approval = z.strictObject({
  /** The canonical bytes of a Statement, as text. */
  statement: z.string().max(4_096),
  key_id: z.string(),
  /** base64: Ed25519 over the statement, or a passkey's own signature. */
  signature: z.base64().max(1_024),
  /** What a passkey signs in the statement's place (WebAuthn level 3, section 6.3.3), base64: its challenge is the statement's SHA-256. */
  passkey: z.strictObject({ authenticator_data: z.base64().max(4_096), client_data: z.base64().max(4_096) }).optional(),
})
export type Approval = z.infer<typeof Approval>

/** `origin` makes it a passkey of that site; its RP id is the site's host name. */
export type Approver = { key: KeyObject; origin?: string | undefined }

export const runDigest = (run: z.input<typeof Run>): string => sha256(canonicalBytes(Run.parse(run)))

type About = { serverId: string; actionId: string; run: z.input<typeof Run> }

/** The statement to sign, as it is signed. */
export const statementFor = ({ serverId, actionId, run }: About, notAfter: number): string =>
  canonicalBytes({
    version: 1,
    purpose: 'mttrly-approval',
    server_id: serverId,
    action_id: actionId,
    run: runDigest(run),
    not_after: notAfter,
  } satisfies Statement).toString('utf8')

/** What a passkey is asked to sign for a statement. */
export const challengeOf = (statement: string): Buffer => createHash('sha256').update(statement).digest()

export type ApprovalRefusal =
  | 'approver_unknown'
  | 'approval_signature'
  | 'approval_form'
  | 'approval_of_another'
  | 'approval_expired'

/** Why the approval does not hold for this run; undefined when it does. That it is used once is the lane's own record. */
export function approvalRefusal(
  approval: Approval,
  { approvers, now, ...about }: About & { approvers: readonly Approver[]; now: number },
): ApprovalRefusal | undefined {
  const approver = approvers.find(({ key }) => keyIdOf(key) === approval.key_id)
  if (!approver) return 'approver_unknown'
  if (!isSigned(approval, approver)) return 'approval_signature'
  const statement = readStatement(approval.statement)
  if (!statement) return 'approval_form'
  const { server_id, action_id, run, not_after } = statement
  if (server_id !== about.serverId || action_id !== about.actionId || run !== runDigest(about.run))
    return 'approval_of_another'
  // One that holds for longer than the lane remembers what has run could be used again.
  if (not_after < now || not_after > now + LIMITS.grantRemembered) return 'approval_expired'
  return undefined
}

function readStatement(text: string): Statement | undefined {
  const { data } = Statement.safeParse(parseJson(text))
  return data && canonicalBytes(data).toString('utf8') === text ? data : undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isSigned(approval: Approval, { key, origin }: Approver): boolean {
  const signature = Buffer.from(approval.signature, 'base64')
  if (origin === undefined)
    return key.asymmetricKeyType === 'ed25519' && verify(null, Buffer.from(approval.statement), key, signature)
  return (
    key.asymmetricKeyType === 'ec' &&
    isGesture(approval, origin) &&
    verify('sha256', signedBytes(approval), key, signature)
  )
}

const USER_PRESENT_AND_VERIFIED = 0x01 | 0x04
const ClientData = z.object({
  type: z.literal('webauthn.get'),
  challenge: z.string(),
  origin: z.string(),
  crossOrigin: z.literal(false).optional(),
})

/** A passkey's owner was there and verified, on that site, for this statement (WebAuthn level 3, section 7.2). */
function isGesture({ statement, passkey }: Approval, origin: string): boolean {
  if (!passkey) return false
  const client = ClientData.safeParse(parseJson(Buffer.from(passkey.client_data, 'base64').toString('utf8'))).data
  const authenticator = Buffer.from(passkey.authenticator_data, 'base64')
  const rpIdHash = createHash('sha256').update(new URL(origin).hostname).digest()
  return (
    client?.challenge === challengeOf(statement).toString('base64url') &&
    client.origin === origin &&
    authenticator.length >= 37 &&
    authenticator.subarray(0, 32).equals(rpIdHash) &&
    ((authenticator[32] ?? 0) & USER_PRESENT_AND_VERIFIED) === USER_PRESENT_AND_VERIFIED
  )
}

function signedBytes({ passkey }: Approval): Buffer {
  const clientData = Buffer.from(passkey?.client_data ?? '', 'base64')
  return Buffer.concat([
    Buffer.from(passkey?.authenticator_data ?? '', 'base64'),
    createHash('sha256').update(clientData).digest(),
  ])
}
