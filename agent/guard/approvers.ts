// Whose signature this host wants under what it runs: `approvals` and `approvers` of policy.yaml. With `signed`, neither
// Central nor the daemon can have anything run that none of them signed. The act lane asks here.
import type { KeyObject } from 'node:crypto'
import { type Approver, approvalRefusal } from '#proto/contract/approval.ts'
import { publicKeyOf } from '#proto/contract/canonical.ts'
import type { Grant } from '#proto/contract/grant.ts'

/** `stated`: the policy says which, in so many words. */
export type Approvals = { signed: boolean; stated: boolean; approvers: readonly (Approver & { name: string })[] }
export type ApprovalsAnswer = { ok: true; approvals: Approvals } | { ok: false; why: string }

type Plain = Record<string, unknown>
/** As many as Central takes in a hello. */
const MOST = 64
const ENTRY = 'approvers is a list of up to 64, each { name, key } or, for a passkey, { name, key, origin }'

/** A host that asks for signatures without saying whose would run nothing: its owner is told instead. */
export function compileApprovals({ approvals: stated, approvers = [] }: Plain): ApprovalsAnswer {
  const approvals = stated === undefined ? 'central' : stated
  if (approvals !== 'central' && approvals !== 'signed') return { ok: false, why: 'approvals is central or signed' }
  if (!Array.isArray(approvers) || approvers.length > MOST) return { ok: false, why: ENTRY }
  const known = approvers.map(approverOf)
  if (!known.every((one) => one !== undefined)) return { ok: false, why: ENTRY }
  if (approvals === 'signed' && known.length === 0)
    return { ok: false, why: 'approvals: signed needs at least one of approvers' }
  return { ok: true, approvals: { signed: approvals === 'signed', stated: stated !== undefined, approvers: known } }
}

function approverOf(entry: Plain | null): Approvals['approvers'][number] | undefined {
  const { name, key: text, origin, ...more } = entry ?? {}
  const key = typeof text === 'string' ? publicKey(text) : undefined
  if (typeof name !== 'string' || !key || Object.keys(more).length > 0) return undefined
  if (origin === undefined) return key.asymmetricKeyType === 'ed25519' ? { name, key } : undefined
  const isSite = typeof origin === 'string' && URL.parse(origin)?.origin === origin
  const isP256 = key.asymmetricKeyDetails?.namedCurve === 'prime256v1'
  return isSite && isP256 ? { name, key, origin } : undefined
}

function publicKey(spki: string): KeyObject | undefined {
  try {
    return publicKeyOf(spki)
  } catch {
    return undefined
  }
}

export const spkiOf = (key: KeyObject): string => key.export({ type: 'spki', format: 'der' }).toString('base64')

export type ApprovalDenied = {
  code: 'POLICY_DENIED'
  details: { reason: string; source: 'host_policy'; next: string }
}

const NEXT =
  'This server runs only what one of the approvers in its own policy.yaml has signed. Ask again, and have the new action signed: `npm run approver -- sign ACTION`, or with a passkey that the policy names.'

const UNSTATED =
  'This server was in signed mode, and its policy.yaml does not say that it has left it. Its owner writes `approvals: signed` with the approvers, or `approvals: central`, into it.'

/** Signed mode is left in so many words: not by a policy that is lost, made anew or half written. */
export const refuseUnstated = ({ stated }: Approvals, wasSigned: boolean): ApprovalDenied | undefined =>
  wasSigned && !stated
    ? { code: 'POLICY_DENIED', details: { reason: 'approvals_unstated', source: 'host_policy', next: UNSTATED } }
    : undefined

/** Whether the approval that this grant carries, or fails to carry, is enough. One that is carried must hold, whatever the policy. */
export function refuseUnapproved(
  { signed, approvers }: Approvals,
  grant: Grant,
  now: number,
): ApprovalDenied | undefined {
  const { approval, server_id: serverId, action_id: actionId } = grant
  const reason = approval
    ? approvalRefusal(approval, { approvers, serverId, actionId, run: grant, now })
    : signed && 'approval_missing'
  return reason ? { code: 'POLICY_DENIED', details: { reason, source: 'host_policy', next: NEXT } } : undefined
}
