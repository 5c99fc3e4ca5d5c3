// Where a host runs only what its own approvers have signed: whether an approval will do there. The host decides; asking
// here keeps what it would refuse from using up the action.
import { createPublicKey } from 'node:crypto'
import { type Approval, type ApprovalRefusal, type Approver, approvalRefusal } from '#proto/contract/approval.ts'
import { CatalogueError } from '#proto/contract/errors.ts'
import { type Action, runsOnHost } from '../domain/action.ts'

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
  const run = { ...spec, argv: [...spec.argv] }
  return approvalRefusal(approval, { approvers, serverId: server_id, actionId: id, run, now })
}

/** None when it is no key. */
const approverOf =
  (origin: string) =>
  (spki: string): Approver[] => {
    try {
      const key = createPublicKey({ key: Buffer.from(spki, 'base64'), format: 'der', type: 'spki' })
      return [key.asymmetricKeyType === 'ed25519' ? { key } : { key, origin }]
    } catch {
      return []
    }
  }
