// The policy as it is now, for what was asked for before: it may have been set between request and approval, or between
// that and the start, which in a rollout are hours apart. Both ask here, by decide()'s own rule.
import { CatalogueError } from '#proto/contract/errors.ts'
import type { Action } from '../domain/action.ts'
import { policyPermits } from '../domain/decide.ts'
import type { Policy } from '../domain/policy.ts'
import { effectOf } from '../tools/effect-of.ts'

export type PolicyNow = ReturnType<typeof createPolicyNow>

export function createPolicyNow(policyOf: (workspaceId: string) => Promise<Policy>) {
  /** @throws CatalogueError POLICY_DENIED, FORBIDDEN */
  return async function mustBePermitted(
    { workspace_id, spec, requester }: Pick<Action, 'workspace_id' | 'spec' | 'requester'>,
    approver: string,
  ): Promise<void> {
    const policy = await policyOf(workspace_id)
    const verdict = policyPermits({ policy, effect: effectOf(spec) })
    if (verdict?.kind === 'deny') throw new CatalogueError(verdict.code, verdict.details)
    if (policy.two_person && requester.user_id === approver)
      throw new CatalogueError('FORBIDDEN', { why: 'Policy two_person: another member must decide this.' })
  }
}
