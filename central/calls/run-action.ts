// Runs what was approved: once, or not at all. The only place that dispatches an action. Imported by the doors through
// which a person decides, and by app.ts for what a restart left behind.
import type { KeyObject } from 'node:crypto'
import { randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import { CatalogueError, type ErrorCode } from '#proto/contract/errors.ts'
import { type Grant, signGrant } from '#proto/contract/grant.ts'
import { LIMITS } from '#proto/contract/limits.ts'
import { announce } from '../approvals/announce.ts'
import { eventOf, SYSTEM } from '../approvals/approvals.ts'
import type { Audit } from '../audit/audit.ts'
import type { Bus } from '../bus/bus.ts'
import {
  type Action,
  type ActionKind,
  type ActionOutcome,
  type ActionSpec,
  type HostRun,
  type HostSpec,
  mustBeWhatWasApproved,
  runsOnHost,
} from '../domain/action.ts'
import type { Clock } from '../domain/clock.ts'
import { seal } from '../domain/seal.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { Relay } from '../relay/relay.ts'
import type { ActionsStore, StoredGrant } from '../storage/actions.ts'
import { type EndState, endStateOf, finishedLine, hostText, outcomeOf } from './outcomes.ts'
import type { PolicyNow } from './policy-now.ts'
import { CANCEL_RUN, isRead, keepOutput, persistently } from './runs.ts'

/** How an action ended; "later" means that its server must come back first. */
type End = { state: EndState; outcome: ActionOutcome } | 'later'
type OwnKind = Exclude<ActionKind, HostSpec['kind']>
type Performer<K extends OwnKind> = (action: Action, spec: Extract<ActionSpec, { kind: K }>) => Promise<End>

/** What this process knows of a running action. `unsent`: its request has certainly never left for the agent. */
type Hand = { busy: boolean; unsent: boolean; unwanted: boolean; abort: () => void }

/** A server that stays away this long leaves its running actions unknown. */
const GIVE_UP_AFTER = 24 * 3_600_000
/** A read-only run has told how it ended by then, or whoever ran it is gone. */
const READ_GRACE = 30_000
/** Codes with which an agent says that it could not look, rather than that it refused. */
const SAYS_NOTHING: ReadonlySet<ErrorCode> = new Set(['RATE_LIMITED', 'INTERNAL_ERROR', 'UNKNOWN_ERROR'])
/** Codes with which the fleet says that it did nothing. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set(['SERVER_ONLINE', 'SERVER_NOT_FOUND', 'PLAN_REQUIRED'])

export function createRunAction(rooms: {
  actions: ActionsStore
  audit: Audit
  relay: Relay
  fleet: Fleet
  bus: Bus
  clock: Clock
  log: Logger
  mustBePermitted: PolicyNow
  actionKey: KeyObject
  dataKey: Buffer
}) {
  const { actions, audit, relay, fleet, bus, clock, log } = rooms
  const hands = new Map<string, Hand>()

  /** What Central does itself; whatever has an argv is dispatched. */
  const performers: { [K in OwnKind]: Performer<K> } = {
    decommission_server: (action, { server_id }) =>
      ourselves(action, async () => {
        await fleet.decommission(action.workspace_id, server_id).catch(unless('SERVER_NOT_FOUND'))
        return { detail: 'The server is no longer in the registry; its host was not touched.' }
      }),
    regenerate_install_token: (action, { server_id }) =>
      ourselves(action, () =>
        sealedFor(action, fleet.regenerate(action.workspace_id, server_id, action.requester.user_id)),
      ),
    bootstrap_recover: (action, { server_id }) =>
      ourselves(action, () =>
        sealedFor(action, fleet.recover(action.workspace_id, server_id, action.requester.user_id)),
      ),
  }

  async function sealedFor(action: Action, made: Promise<object>): Promise<ActionOutcome> {
    const secret = Buffer.from(JSON.stringify(await made))
    return { sealed: seal(rooms.dataKey, `outcome:${action.id}`, secret).toString('base64') }
  }

  /** What Central does itself. Refused, it changed nothing; cut off by a restart, it is not done later by surprise. */
  async function ourselves(action: Action, work: () => Promise<ActionOutcome>): Promise<End> {
    if ((action.started_at ?? clock.now()) + LIMITS.startWithin < clock.now())
      return unknown('Central stopped while it did this. Look whether it was done before asking again.')
    try {
      return { state: 'succeeded', outcome: await work() }
    } catch (error) {
      if (error instanceof CatalogueError && REFUSALS.has(error.code)) return failed('Nothing was changed.', error)
      throw error
    }
  }

  /** Takes the action in hand unless it already is. What is known of it stays until it has ended. */
  async function hold(action: Action, work: (hand: Hand) => Promise<void>): Promise<void> {
    const hand = hands.get(action.id) ?? { busy: false, unsent: false, unwanted: false, abort: () => {} }
    if (hand.busy) return
    hand.busy = true
    hands.set(action.id, hand)
    try {
      await work(hand)
    } finally {
      hand.busy = false
    }
  }

  /** Starts an approved action; harmless when somebody else already has. */
  const start = (action: Action) =>
    hold(action, async (hand) => {
      mustBeWhatWasApproved(action)
      const refusal = await forbiddenNow(action)
      if (refusal) return giveUp(action, 'cancelled', outcomeWith(FORBIDDEN, refusal))
      const granted = runsOnHost(action.spec) ? grantFor(action, action.spec) : undefined
      const details = { digest: action.digest }
      await audit.append(eventOf(action, SYSTEM, action.id, { event: 'action.started', details }))
      const patch = { started_at: clock.now(), ...(granted && { granted }) }
      if (!(await actions.move(action.id, 'approved', 'running', patch))) return
      hand.unsent = true
      announce(bus, action, 'running')
      await performAndFinish(action, hand)
    })

  /** Picks up where a crash or a lost stream left a running action: the agent never runs a request id twice. */
  const carryOn = (action: Action) => hold(action, (hand) => performAndFinish(action, hand))

  async function performAndFinish(action: Action, hand: Hand): Promise<void> {
    const end = await perform(action, action.spec, hand)
    if (end !== 'later') await finish(action, end)
  }

  function perform(action: Action, spec: ActionSpec, hand: Hand): Promise<End> {
    if (!runsOnHost(spec)) return (performers[spec.kind] as Performer<OwnKind>)(action, spec)
    return isRead(spec) ? abandonedRead(action, spec) : dispatch(action, hand)
  }

  function grantFor(action: Action, spec: HostRun): StoredGrant {
    const grant: Grant = {
      version: 1,
      action_id: action.id,
      server_id: action.server_id,
      kind: 'command',
      argv: [...spec.argv],
      ...(spec.input !== undefined && { input: spec.input }),
      cwd: spec.cwd,
      env: { ...spec.env },
      user: spec.user,
      terminal: spec.terminal,
      timeout_ms: spec.timeout_ms,
      ...(action.decision?.approval && { approval: action.decision.approval }),
      start_before: clock.now() + LIMITS.startWithin,
      nonce: randomBytes(16).toString('hex'),
    }
    const signed = signGrant(grant, rooms.actionKey)
    return {
      grant: signed.grant.toString('base64'),
      signature: signed.signature.toString('base64'),
      key_id: signed.keyId,
      start_before: grant.start_before,
    }
  }

  async function dispatch(action: Action, hand: Hand): Promise<End> {
    const granted = await actions.granted(action.id)
    if (!granted) throw new TypeError(`${action.id} runs without a grant`)
    const outputFrom = await actions.outputEnd(action.id)
    if (hand.unwanted && hand.unsent) return cancelledUnsent
    const neverSent = hand.unsent
    hand.unsent = false
    try {
      const run = await ask(action, granted, outputFrom, hand)
      return { state: endStateOf(run), outcome: outcomeOf(run) }
    } catch (error) {
      hand.unsent = neverSent && neverLeft(error)
      return endOfFailure(error, action, hand.unsent && granted.start_before < clock.now())
    }
  }

  async function ask(action: Action, granted: StoredGrant, outputFrom: number, hand: Hand) {
    const abort = new AbortController()
    const grant = Buffer.from(granted.grant, 'base64')
    const signature = Buffer.from(granted.signature, 'base64')
    const answer = relay.call(
      action.server_id,
      'commands.act',
      { grant, signature, keyId: granted.key_id, outputFrom },
      { id: action.id, outputFrom, signal: abort.signal, onOutput: keepOutput(actions, action.id) },
    )
    hand.abort = () => abort.abort()
    // Who cancelled while the server was away is not forgotten: the agent hears of it behind the request.
    if (hand.unwanted) hand.abort()
    return answer
  }

  /** A read-only run belongs to the process that began it; only when that is gone does nobody say how it ended. */
  async function abandonedRead(action: Action, { timeout_ms }: HostRun): Promise<End> {
    const over = (action.started_at ?? 0) + timeout_ms + READ_GRACE < clock.now()
    return over ? failed('Central stopped during this read-only run; it changed nothing and can be repeated.') : 'later'
  }

  /**
   * A refusal by the agent means that nothing was executed, and so does a start that came too late. Whatever else went
   * wrong says nothing about the run: it is asked again, which is harmless, until the server has been away for too long.
   */
  function endOfFailure(error: unknown, action: Action, neverStarts: boolean): End {
    if (!(error instanceof CatalogueError)) throw error
    if (error.details.reason === 'grant_used')
      return unknown('The agent has seen this grant before and kept no outcome.')
    if (error.details.by === 'agent' && !SAYS_NOTHING.has(error.code)) return failed(refusedByHost(error), error)
    if (neverStarts) return failed('The server could not be reached in time; nothing was executed.', error)
    const now = clock.now()
    if (now > (action.started_at ?? now) + GIVE_UP_AFTER)
      return unknown('The server did not come back to say how this ended.')
    log.info({ action_id: action.id, code: error.code }, 'the outcome must wait for the server')
    return 'later'
  }

  async function finish(action: Action, end: Exclude<End, 'later'>): Promise<void> {
    const { state, outcome } = end
    const line = eventOf(action, SYSTEM, action.id, finishedLine(state, outcome))
    // One after the other: a database that fails between the two must not have the line written twice.
    await persistently(() => audit.append(line))
    await persistently(() => actions.move(action.id, 'running', state, { finished_at: clock.now(), outcome }))
    hands.delete(action.id)
    announce(bus, action, state)
    await relay.acknowledge(action.server_id, action.id)
  }

  /**
   * Whatever is approved or running and in nobody's hands: Central was restarted, or the server or the database was
   * away. Called at start and now and then.
   */
  async function sweep(): Promise<void> {
    const found = await actions.inState(['approved', 'running'])
    const open = new Set(found.map(({ id }) => id))
    for (const [id, { busy }] of hands) if (!busy && !open.has(id)) hands.delete(id)
    await Promise.all(found.map((action) => resume(action).catch(report(action))))
  }

  function resume(action: Action): Promise<void> {
    if (action.state === 'running') return carryOn(action)
    // A server's part in a rollout is decided before its turn comes.
    const due = Math.max(action.created_at, action.decision?.at ?? 0)
    const late = due + LIMITS.startWithin < clock.now()
    return late ? hold(action, () => giveUp(action, 'expired', { detail: LATE })) : start(action)
  }

  async function forbiddenNow(action: Action): Promise<CatalogueError | undefined> {
    try {
      await rooms.mustBePermitted(action, action.decision?.by_user_id ?? '')
    } catch (error) {
      if (error instanceof CatalogueError) return error
      throw error
    }
  }

  /** Approved, and never to be started: it does not run later by surprise. */
  async function giveUp(action: Action, state: 'expired' | 'cancelled', outcome: ActionOutcome): Promise<void> {
    const event = state === 'expired' ? 'action.expired' : 'action.finished'
    const line = { event, outcome: state, ...(outcome.error && { details: outcome.error }) } as const
    await audit.append(eventOf(action, SYSTEM, action.id, line))
    if (await actions.move(action.id, 'approved', state, { finished_at: clock.now(), outcome }))
      announce(bus, action, state)
  }

  /** The server is back: ask for what is still open, and let it forget what is already stored. */
  async function onHello(message: { server_id: string; unacknowledged: readonly string[] }): Promise<void> {
    for (const action of await actions.inState(['running'], message.server_id)) carryOn(action).catch(report(action))
    for (const id of message.unacknowledged) {
      const action = await actions.get(id)
      if (action?.state !== 'running') await relay.acknowledge(message.server_id, id)
    }
  }

  /** A person wants it ended. What waits for its server has that settled at once if it was never sent. */
  async function endRun(actionId: string): Promise<void> {
    const hand = hands.get(actionId)
    if (!hand) return
    hand.unwanted = true
    hand.abort()
    const action = hand.busy ? undefined : await actions.get(actionId)
    if (action?.state === 'running') await carryOn(action)
  }

  const report = (action: Action) => (error: unknown) =>
    log.error({ err: error, action_id: action.id }, 'action could not be carried on')

  const stopListening = [
    bus.subscribe('hello', (message) => {
      onHello(message as Parameters<typeof onHello>[0]).catch((error) => log.error({ err: error }, 'hello not handled'))
    }),
    bus.subscribe(CANCEL_RUN, (message) => {
      const { action_id } = message as { action_id: string }
      endRun(action_id).catch((error) => log.error({ err: error, action_id }, 'cancel not handled'))
    }),
  ]

  return {
    start,
    sweep,
    /** Asks whichever replica runs it to end the run; how it ended is reported by the run itself. */
    async cancel(actionId: string): Promise<void> {
      bus.publish(CANCEL_RUN, { action_id: actionId })
    },
    stop: () => {
      for (const stop of stopListening) stop()
    },
  }
}

export type RunAction = ReturnType<typeof createRunAction>

/** Approved long ago: its turn is over. */
const LATE = 'It did not start in time after the approval; nothing was executed.'
/** Set after the approval. */
const FORBIDDEN = 'The policy of the workspace forbids it by now; nothing was executed.'

const outcomeWith = (detail: string, error?: CatalogueError): ActionOutcome => ({
  detail,
  ...(error && { error: { code: error.code, details: error.details } }),
})

const failed = (detail: string, error?: CatalogueError): End => ({
  state: 'failed',
  outcome: outcomeWith(detail, error),
})

/** Its words are bounded and neutralised where they came in (relay/frames.ts); here they must be a sentence, not a page. */
function refusedByHost({ details }: CatalogueError): string {
  const said = [details.why, details.reason].find((text): text is string => typeof text === 'string')
  return !said ? 'Nothing was executed.' : `Nothing was executed. The host refused it: ${hostText(said)}`
}

const unknown = (detail: string): End => ({ state: 'unknown', outcome: { detail } })

const cancelledUnsent: End = {
  state: 'cancelled',
  outcome: { detail: 'It was cancelled before it was sent to the server; nothing was executed.' },
}

const unless = (code: ErrorCode) => (error: unknown) => {
  if (!(error instanceof CatalogueError) || error.code !== code) throw error
}

/** The relay says so, and only of its own attempt: what an agent says of itself does not count. */
const neverLeft = (error: unknown): boolean =>
  error instanceof CatalogueError && error.details.sent === false && error.details.by !== 'agent'
