// Approvals: the life of an action up to the decision of a person. It never runs anything: central/calls/run-action.ts
// picks up what was approved. Imported by calls and the console.
import type { Approval } from '#proto/contract/approval.ts'
import { CatalogueError } from '#proto/contract/errors.ts'
import { LIMITS } from '#proto/contract/limits.ts'
import type { Audit } from '../audit/audit.ts'
import type { Bus } from '../bus/bus.ts'
import {
  type Action,
  type ActionSpec,
  type ActionState,
  type ActionWords,
  type Decision,
  newAction,
  type Requester,
  runsOnHost,
} from '../domain/action.ts'
import type { AuditEvent } from '../domain/audit.ts'
import type { Clock } from '../domain/clock.ts'
import type { Policy } from '../domain/policy.ts'
import { mayApprove, mayExecute, type Principal } from '../domain/principal.ts'
import type { ActionFilter, ActionsStore } from '../storage/actions.ts'
import { announce } from './announce.ts'
import { mustBeSigned } from './signed.ts'

export type ApprovalPrompt = { action: Action; approvers: readonly { user_id: string; email: string }[]; url: string }

/** One way to reach the people who may decide. Says whether it could. */
export type Channel = { name: string; deliver(prompt: ApprovalPrompt): Promise<boolean> }

export type DecideRequest = {
  by: Principal
  actionId: string
  decision: 'approve' | 'reject'
  proof: Decision['proof']
  /** The digest of what the person was shown. */
  digest: string
  /** What the person signed for the host. */
  approval?: Approval
}

const MOST_PENDING = 50

export function createApprovals(rooms: {
  store: ActionsStore
  audit: Audit
  bus: Bus
  clock: Clock
  channels: readonly Channel[]
  /** Members who may decide for this workspace and can sign in. */
  approversOf: (workspaceId: string) => Promise<readonly { user_id: string; email: string }[]>
  policyOf: (workspaceId: string) => Promise<Policy>
  /** Whether policy allows it now, if this person approves it. @throws CatalogueError */
  mustBePermitted: (action: Action, approver: string) => Promise<void>
  /** Keys whose signature alone the action's host believes; null where Central's word is enough. */
  signersOf: (action: Action) => Promise<readonly string[] | null>
  publicUrl: string
}) {
  const { store, audit, bus, clock } = rooms
  const { origin } = new URL(rooms.publicUrl)
  const urlOf = (actionId: string) => `${rooms.publicUrl}/approvals/${actionId}`
  const changed = (action: Action, state: ActionState) => announce(bus, action, state)

  /** Stores the action and asks. Fails closed when nobody can be asked. */
  async function request(principal: Principal, callId: string, spec: ActionSpec, words: ActionWords): Promise<Action> {
    await mustNotFlood(principal)
    const now = clock.now()
    const action = newAction({
      workspace_id: principal.workspaceId,
      spec,
      words,
      state: 'pending_approval',
      requester: actorOf(principal),
      created_at: now,
      expires_at: now + LIMITS.actionLife,
    })
    await audit.append(
      eventOf(action, principal, callId, { event: 'action.requested', details: { digest: action.digest } }),
    )
    await store.insert(action)
    if (await ask(action)) {
      changed(action, 'pending_approval')
      return action
    }
    const failed = { event: 'action.finished' as const, outcome: 'notification_failed' }
    await audit.append(eventOf(action, SYSTEM, callId, failed))
    await store.move(action.id, 'pending_approval', 'notification_failed', { finished_at: clock.now() })
    changed(action, 'notification_failed')
    throw new CatalogueError('APPROVAL_NOTIFICATION_FAILED', { action_id: action.id, status: 'notification_failed' })
  }

  /** Nobody reads two hundred prompts: one credential has a bounded number of them waiting. */
  async function mustNotFlood({ workspaceId, grantId }: Principal): Promise<void> {
    const waiting = await store.pendingRequesters(workspaceId, clock.now())
    if (waiting.filter(({ grant_id }) => grant_id === grantId).length < MOST_PENDING) return
    const why = `${MOST_PENDING} actions of this credential wait for a person already. Wait for decisions, or cancel some.`
    throw new CatalogueError('RATE_LIMITED', { why, retry_after_s: 60 })
  }

  async function ask(action: Action): Promise<boolean> {
    const { two_person } = await rooms.policyOf(action.workspace_id)
    const all = await rooms.approversOf(action.workspace_id)
    const approvers = two_person ? all.filter((person) => person.user_id !== action.requester.user_id) : all
    if (approvers.length === 0) return false
    const prompt = { action, approvers, url: urlOf(action.id) }
    const delivered = await Promise.all(rooms.channels.map((channel) => channel.deliver(prompt).catch(() => false)))
    return delivered.includes(true)
  }

  async function find(workspaceId: string, actionId: string): Promise<Action> {
    const action = await store.get(actionId)
    if (!action || action.workspace_id !== workspaceId)
      throw new CatalogueError('ACTION_NOT_FOUND', { action_id: actionId })
    return action
  }

  /** As `find`, and marks it expired first if its time is over. */
  async function get(workspaceId: string, actionId: string): Promise<Action> {
    const action = await find(workspaceId, actionId)
    if (action.state !== 'pending_approval' || action.expires_at > clock.now()) return action
    await expire(action)
    return find(workspaceId, actionId)
  }

  /** Time passes by itself: the line follows the move, so that of many who notice one writes it, and none in error. */
  async function expire(action: Action): Promise<void> {
    if (!(await store.move(action.id, 'pending_approval', 'expired', { finished_at: clock.now() }))) return
    changed(action, 'expired')
    await audit.append(eventOf(action, SYSTEM, action.id, { event: 'action.expired' }))
  }

  /** A person's decision. Approving needs a fresh proof of a second factor; rejecting needs none. */
  async function decide(asked: DecideRequest): Promise<Action> {
    const { by } = asked
    const action = await get(by.workspaceId, asked.actionId)
    await mustBeAllowed(action, asked)
    const to = asked.decision === 'approve' ? 'approved' : 'rejected'
    const { proof, approval } = asked
    const signed = approval && { approval }
    const decision: Decision = { by_user_id: by.userId, by_email: by.email, at: clock.now(), proof, ...signed }
    await audit.append(
      eventOf(action, by, action.id, {
        event: 'action.decided',
        verdict: to,
        details: { digest: action.digest, proof, ...(approval && { approver: approval.key_id }) },
      }),
    )
    const patch = to === 'rejected' ? { decision, finished_at: clock.now() } : { decision }
    if (!(await store.move(action.id, 'pending_approval', to, patch))) throw await lostRace(action, by, to)
    changed(action, to)
    return find(by.workspaceId, action.id)
  }

  async function mustBeAllowed(action: Action, asked: DecideRequest): Promise<void> {
    const { by, decision, proof, digest } = asked
    const signers = runsOnHost(action.spec) ? await rooms.signersOf(action) : null
    mustBeAPerson(action, asked, signers !== null)
    if (!mayApprove(by.role))
      throw new CatalogueError('FORBIDDEN', { why: `The role "${by.role}" cannot decide actions.` })
    if (action.state === 'expired') throw new CatalogueError('ACTION_EXPIRED', { action_id: action.id })
    if (action.state !== 'pending_approval') throw await tooLate(by.workspaceId, action.id)
    if (digest !== action.digest)
      throw new CatalogueError('VALIDATION_ERROR', { why: 'What was shown is not what is stored.' })
    if (decision === 'reject') return
    if (signers) mustBeSigned(action, asked.approval, { signers, origin, now: clock.now() })
    else if (proof !== 'passkey' && proof !== 'totp')
      throw new CatalogueError('TWO_FACTOR_REQUIRED', { approval_url: urlOf(action.id) })
    await rooms.mustBePermitted(action, by.userId)
  }

  /**
   * A session is a person's. Another credential may bring what a person has signed, unless it is the one that asked, and
   * only where the host looks at the signature itself.
   */
  function mustBeAPerson({ requester }: Action, { by, decision, approval }: DecideRequest, hostLooks: boolean): void {
    if (by.credential === 'session') return
    const brings = decision === 'approve' && approval !== undefined && by.scopes.includes('execute')
    if (!brings || !hostLooks)
      throw new CatalogueError('FORBIDDEN', { why: 'Only a person on the approval page can decide.' })
    if (by.grantId === requester.grant_id)
      throw new CatalogueError('FORBIDDEN', {
        why: 'The credential that asked cannot approve. Make another API key for this tool alone; `npm run approver -- login` takes it.',
      })
  }

  /** The line of this decision stands already; this one says that it did not come to hold. */
  async function lostRace(action: Action, by: Principal, verdict: string): Promise<CatalogueError> {
    const line = { event: 'action.decided' as const, verdict, outcome: 'error:ACTION_NOT_FOUND' }
    await audit.append(eventOf(action, by, action.id, line))
    return tooLate(by.workspaceId, action.id)
  }

  async function tooLate(workspaceId: string, actionId: string): Promise<CatalogueError> {
    const now = await find(workspaceId, actionId)
    return new CatalogueError('ACTION_NOT_FOUND', {
      action_id: actionId,
      status: now.state,
      why: 'The action is no longer pending.',
    })
  }

  /** Takes a pending action back. Whoever may ask for changes may also take one back; no proof is needed. */
  async function cancel(principal: Principal, actionId: string): Promise<Action> {
    const action = await get(principal.workspaceId, actionId)
    if (!mayExecute(principal.role))
      throw new CatalogueError('FORBIDDEN', { why: `The role "${principal.role}" may look, not act.` })
    if (action.state === 'expired') throw new CatalogueError('ACTION_EXPIRED', { action_id: action.id })
    if (action.state !== 'pending_approval') throw await tooLate(principal.workspaceId, actionId)
    await audit.append(eventOf(action, principal, action.id, { event: 'action.decided', verdict: 'cancelled' }))
    if (!(await store.move(actionId, 'pending_approval', 'cancelled', { finished_at: clock.now() }))) {
      throw await lostRace(action, principal, 'cancelled')
    }
    changed(action, 'cancelled')
    return find(principal.workspaceId, actionId)
  }

  /** The action as soon as `enough` holds, or as it is after `ms`. */
  async function waitFor(
    workspaceId: string,
    actionId: string,
    options: { enough: (state: ActionState) => boolean; ms: number; signal: AbortSignal },
  ): Promise<Action> {
    const done = AbortSignal.any([options.signal, AbortSignal.timeout(Math.max(0, options.ms))])
    for (;;) {
      const woken = nextChange(actionId, done)
      try {
        const action = await get(workspaceId, actionId)
        if (options.enough(action.state) || done.aborted) return action
        await woken.promise
      } finally {
        woken.stop()
      }
    }
  }

  function nextChange(actionId: string, done: AbortSignal) {
    const { promise, resolve } = Promise.withResolvers<void>()
    const unsubscribe = bus.subscribe(`action:${actionId}`, () => resolve())
    const onDone = () => resolve()
    done.addEventListener('abort', onDone, { once: true })
    if (done.aborted) resolve()
    const stop = () => {
      unsubscribe()
      done.removeEventListener('abort', onDone)
    }
    return { promise, stop }
  }

  return {
    request,
    get,
    list: async (workspaceId: string, filter: ActionFilter) => {
      for (const action of await store.due(clock.now())) if (action.workspace_id === workspaceId) await expire(action)
      return store.list(workspaceId, filter)
    },
    decide,
    cancel,
    waitFor,
    urlOf,
    /** Whether its host believes only the signature of an approver that the host itself names. */
    needsSignature: async (action: Action) => runsOnHost(action.spec) && (await rooms.signersOf(action)) !== null,
    /** Marks everything whose time is over; called from time to time. */
    async sweep(): Promise<void> {
      for (const action of await store.due(clock.now())) await expire(action)
    },
  }
}

export type Approvals = ReturnType<typeof createApprovals>

/** The one actor that is nobody: time passing. */
export const SYSTEM: Pick<
  Principal,
  'credential' | 'userId' | 'email' | 'clientId' | 'clientName' | 'grantId' | 'source'
> = {
  credential: 'system',
  userId: '',
  email: '',
  clientId: 'central',
  clientName: 'Central',
  grantId: '',
  source: 'system',
}

type Actor = typeof SYSTEM

export const actorOf = (principal: Actor): Requester => ({
  user_id: principal.userId,
  email: principal.email,
  credential: principal.credential,
  client_id: principal.clientId,
  client_name: principal.clientName,
  grant_id: principal.grantId,
  source: principal.source,
})

export function eventOf(
  action: Action,
  by: Actor,
  callId: string,
  rest: Pick<AuditEvent, 'event'> & Partial<AuditEvent>,
): AuditEvent {
  return {
    workspace_id: action.workspace_id,
    call_id: callId,
    actor: actorOf(by),
    server_id: action.server_id,
    action_id: action.id,
    resource: action.spec.kind,
    ...rest,
  }
}
