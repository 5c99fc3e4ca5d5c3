// The one authorisation function. Pure: the same facts give the same decision, at every door.
import type { ErrorCode, ErrorDetails } from '#proto/contract/errors.ts'
import { type Plan, planCovers } from './plan.ts'
import type { Policy } from './policy.ts'
import { mayExecute, type Principal, type Scope } from './principal.ts'

/** The lanes that make an approval unnecessary: the kernel holds the first two, a table of paths the third. */
export const LOOKING_LANES = ['read', 'inspect', 'docker'] as const
export type LookingLane = (typeof LOOKING_LANES)[number]

/**
 * What a call would do. `none` touches Central's records alone; `read` runs on the host where the kernel keeps it from
 * changing anything; `change` is everything else, and what cannot be told is a change.
 */
export type Effect =
  | { kind: 'none' }
  | { kind: 'read'; lane: LookingLane; programs: readonly string[] }
  | { kind: 'change'; why: string; programs: readonly string[] }

/** `contained`: the lanes that were found to hold what runs in them. */
export type ServerFacts = { online: boolean; contained: readonly LookingLane[] }

const NOT_CONTAINED: Record<LookingLane, string> = {
  read: 'This server has no sandbox that would hold a read-only command.',
  inspect: 'It needs the system bus or the journal, and this server has no lane that may only look at them.',
  docker: 'It needs the container engine, and this server has no lane that may only look at that.',
}

export type Facts = {
  principal: Principal
  plan: Plan
  policy: Policy
  tool: { id: string; plan: Plan; scope: Scope /** needs the agent to be connected */; needsOnline: boolean }
  effect: Effect
  /** undefined: the call concerns no server. null: there is none of that id in this workspace. */
  server: ServerFacts | null | undefined
}

export type Verdict =
  | { kind: 'allow' }
  | { kind: 'ask'; why: string }
  | { kind: 'deny'; code: ErrorCode; details: ErrorDetails }

const deny = (code: ErrorCode, details: ErrorDetails = {}): Verdict => ({ kind: 'deny', code, details })

/** Each rule may end the matter; the first that does wins. Order is the security model: who, plan, which server, policy, effect. */
const RULES: readonly ((facts: Facts) => Verdict | undefined)[] = [
  hasScope,
  roleSuffices,
  planSuffices,
  serverIsKnown,
  policyPermits,
  serverIsOnline,
  effectNeedsNoHuman,
]

export function decide(facts: Facts): Verdict {
  for (const rule of RULES) {
    const verdict = rule(facts)
    if (verdict) return verdict
  }
  return {
    kind: 'ask',
    why: facts.effect.kind === 'change' ? facts.effect.why : 'It cannot be told what this changes.',
  }
}

function hasScope({ principal, tool }: Facts): Verdict | undefined {
  if (principal.scopes.includes(tool.scope)) return
  return deny('FORBIDDEN', { why: `The credential lacks the scope "${tool.scope}".`, required_scope: tool.scope })
}

function roleSuffices({ principal, tool, effect }: Facts): Verdict | undefined {
  if (tool.scope === 'read' || effect.kind === 'none' || mayExecute(principal.role)) return
  return deny('FORBIDDEN', { why: `The role "${principal.role}" may look, not act.` })
}

function planSuffices({ plan, tool }: Facts): Verdict | undefined {
  if (planCovers(plan, tool.plan)) return
  return deny('PLAN_REQUIRED', { current_plan: plan, required_plan: tool.plan })
}

function serverIsKnown({ server }: Facts): Verdict | undefined {
  return server === null ? deny('SERVER_NOT_FOUND') : undefined
}

/** Asked again for what waited or runs in parts: calls/policy-now.ts. */
export function policyPermits({ policy, effect }: Pick<Facts, 'policy' | 'effect'>): Verdict | undefined {
  if (effect.kind === 'none') return
  const denied = effect.programs.find((program) => policy.denied_programs.includes(program))
  if (denied) return deny('POLICY_DENIED', { rule: 'denied_programs', program: denied })
  // A program name that only the shell would know could be any of the denied ones.
  if (policy.denied_programs.length > 0 && effect.programs.includes('?')) {
    return deny('POLICY_DENIED', {
      rule: 'denied_programs',
      why: 'The command starts a program whose name cannot be told.',
    })
  }
  if (policy.read_only && effect.kind === 'change') return deny('POLICY_DENIED', { rule: 'read_only' })
}

function serverIsOnline({ tool, server }: Facts): Verdict | undefined {
  return tool.needsOnline && server && !server.online ? deny('SERVER_OFFLINE') : undefined
}

function effectNeedsNoHuman({ effect, server }: Facts): Verdict | undefined {
  if (effect.kind === 'none') return { kind: 'allow' }
  if (effect.kind !== 'read') return
  return server?.contained.includes(effect.lane) ? { kind: 'allow' } : { kind: 'ask', why: NOT_CONTAINED[effect.lane] }
}
