// Where a host runs only what its own approvers have signed: whether an approval will do there. The host decides; asking
// here keeps what it would refuse from using up the action.
import {
  type Approval,
  type ApprovalRefusal,
  type Approver,
  approvalRefusal,
  statementFor,
} from '#proto/contract/approval.ts'
import { publicKeyOf } from '#proto/contract/canonical.ts'
import { CatalogueError } from '#proto/contract/errors.ts'
import { LIMITS } from '#proto/contract/limits.ts'
import { type Action, type HostSpec, runsOnHost } from '../domain/action.ts'

/** What is signed for this action: the same for whoever asks, as long as it can be decided. */
export function statementOf({ id, server_id, expires_at }: Action, spec: HostSpec): string {
  const about = { serverId: server_id, actionId: id, run: runOf(spec) }
  return statementFor(about, expires_at + LIMITS.startWithin)
}

const runOf = (spec: HostSpec) => ({ ...spec, argv: [...spec.argv] })

type Refusal = ApprovalRefusal | 'approval_missing'

const WHY: Record<Refusal, string> = {
  approval_missing:
    'This server runs only what one of its own approvers has signed; a code or an unlisted passkey is not enough. On an approver’s machine: npm run approver -- sign',
  approver_unknown: 'The key is not among the approvers in policy.yaml of this server, as its agent last said.',
  approval_signature: 'The signature is not one of that key over this statement.',
  approval_form: 'The statement is not one of an approval.',
  approval_of_another: 'The signature is for something else.',
  approval_expired: 'The signature is too old, or one of the clocks is wrong. Sign again.',
}

/** @throws CatalogueError POLICY_DENIED when the host would refuse it; `signers` as its agent says, passkeys being of `origin` */
export function mustBeSigned(
  action: Action,
  approval: Approval | undefined,
  { signers, origin, now }: { signers: readonly string[]; origin: string; now: number },
): void {
  const reason = refusalOf(action, approval, signers.flatMap(approverOf(origin)), now)
  if (!reason) return
  const why = reason === 'approval_missing' ? `${WHY[reason]} ${action.id}` : WHY[reason]
  throw new CatalogueError('POLICY_DENIED', { action_id: action.id, reason, why })
}

function refusalOf(
  { id, server_id, spec }: Action,
  approval: Approval | undefined,
  approvers: readonly Approver[],
  now: number,
): Refusal | undefined {
  if (!approval || !runsOnHost(spec)) return 'approval_missing'
  return approvalRefusal(approval, { approvers, serverId: server_id, actionId: id, run: runOf(spec), now })
}

/** None when it is no key. */
const approverOf =
  (origin: string) =>
  (spki: string): Approver[] => {
    try {
      const key = publicKeyOf(spki)
      return [key.asymmetricKeyType === 'ed25519' ? { key } : { key, origin }]
    } catch {
      return []
    }
  }
