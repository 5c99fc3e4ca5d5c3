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
import type { Action, ActionKind, ActionOutcome, ActionSpec } from '../domain/action.ts'
import type { Clock } from '../domain/clock.ts'
import { seal } from '../domain/seal.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { Relay } from '../relay/relay.ts'
import type { ActionsStore, StoredGrant } from '../storage/actions.ts'
import { type EndState, endStateOf, outcomeOf } from './outcomes.ts'

/** How an action ended; "later" means that its server must come back first. */
type End = { state: EndState; outcome: ActionOutcome } | 'later'
type Performer<K extends ActionKind> = (action: Action, spec: Extract<ActionSpec, { kind: K }>) => Promise<End>

/** A server that stays away this long leaves its running actions unknown. */
const GIVE_UP_AFTER = 24 * 3_600_000
const STORE_RETRY_MS = 1_000
/** Codes with which an agent says that it could not look, rather than that it refused. */
const SAYS_NOTHING: ReadonlySet<ErrorCode> = new Set(['RATE_LIMITED', 'INTERNAL_ERROR', 'UNKNOWN_ERROR'])

export function createRunAction(rooms: {
  actions: ActionsStore
  audit: Audit
  relay: Relay
  fleet: Fleet
  bus: Bus
  clock: Clock
  log: Logger
  actionKey: KeyObject
  dataKey: Buffer
}) {
  const { actions, audit, relay, fleet, bus, clock, log } = rooms
  const inFlight = new Map<string, AbortController>()

  const performers: { [K in ActionKind]: Performer<K> } = {
    command: (action) => dispatch(action),
    decommission_server: async (action, { server_id }) => {
      await fleet.decommission(action.workspace_id, server_id)
      return {
        state: 'succeeded',
        outcome: { detail: 'The server was removed from the registry; its host was not touched.' },
      }
    },
    regenerate_install_token: async (action, { server_id }) => {
      const made = await fleet.regenerate(action.workspace_id, server_id, action.requester.user_id)
      const sealed = seal(rooms.dataKey, `outcome:${action.id}`, Buffer.from(JSON.stringify(made))).toString('base64')
      return { state: 'succeeded', outcome: { sealed } }
    },
  }

  /** Takes the action in hand unless it already is. */
  async function hold(action: Action, work: () => Promise<void>): Promise<void> {
    if (inFlight.has(action.id)) return
    inFlight.set(action.id, new AbortController())
    try {
      await work()
    } finally {
      inFlight.delete(action.id)
    }
  }

  /** Starts an approved action; harmless when somebody else already has. */
  const start = (action: Action) =>
    hold(action, async () => {
      const granted = action.spec.kind === 'command' ? grantFor(action, action.spec) : undefined
      const details = { digest: action.digest }
      await audit.append(eventOf(action, SYSTEM, action.id, { event: 'action.started', details }))
      const patch = { started_at: clock.now(), ...(granted && { granted }) }
      if (!(await actions.move(action.id, 'approved', 'running', patch))) return
      announce(bus, action, 'running')
      await performAndFinish(action)
    })

  /** Picks up where a crash or a lost stream left a running action: the agent never runs a request id twice. */
  const carryOn = (action: Action) => hold(action, () => performAndFinish(action))

  async function performAndFinish(action: Action): Promise<void> {
    const end = await perform(action)
    if (end !== 'later') await finish(action, end)
  }

  function perform(action: Action): Promise<End> {
    const performer = performers[action.spec.kind] as Performer<ActionKind>
    return performer(action, action.spec)
  }

  function grantFor(action: Action, spec: Extract<ActionSpec, { kind: 'command' }>): StoredGrant {
    const grant: Grant = {
      version: 1,
      action_id: action.id,
      server_id: action.server_id,
      kind: 'command',
      argv: [...spec.argv],
      cwd: spec.cwd,
      env: { ...spec.env },
      user: spec.user,
      terminal: spec.terminal,
      timeout_ms: spec.timeout_ms,
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

  async function dispatch(action: Action): Promise<End> {
    const granted = await actions.granted(action.id)
    if (!granted) return failed('Central stopped during this read-only run; it changed nothing and can be repeated.')
    const outputFrom = await actions.outputEnd(action.id)
    const signal = inFlight.get(action.id)?.signal ?? AbortSignal.abort()
    try {
      const run = await relay.call(
        action.server_id,
        'commands.act',
        {
          grant: Buffer.from(granted.grant, 'base64'),
          signature: Buffer.from(granted.signature, 'base64'),
          keyId: granted.key_id,
          outputFrom,
        },
        {
          id: action.id,
          outputFrom,
          signal,
          onOutput: (offset, data) => actions.appendOutput(action.id, offset, data),
        },
      )
      return { state: endStateOf(run), outcome: outcomeOf(run) }
    } catch (error) {
      return endOfFailure(error, action)
    }
  }

  /**
   * A refusal by the agent means that nothing was executed. Whatever else went wrong says nothing about the run: it is
   * asked again, which is harmless, until the server has been away for too long.
   */
  function endOfFailure(error: unknown, action: Action): End {
    if (!(error instanceof CatalogueError)) throw error
    if (error.details.reason === 'grant_used')
      return unknown('The agent has seen this grant before and kept no outcome.')
    if (error.details.by === 'agent' && !SAYS_NOTHING.has(error.code)) return failed('Nothing was executed.', error)
    const now = clock.now()
    if (now > (action.started_at ?? now) + GIVE_UP_AFTER)
      return unknown('The server did not come back to say how this ended.')
    log.info({ action_id: action.id, code: error.code }, 'the outcome must wait for the server')
    return 'later'
  }

  async function finish(action: Action, end: Exclude<End, 'later'>): Promise<void> {
    const { state, outcome } = end
    await persistently(async () => {
      await audit.append(
        eventOf(action, SYSTEM, action.id, {
          event: 'action.finished',
          outcome: state,
          ...(outcome.output_sha256 && { output: { bytes: outcome.output_bytes ?? 0, sha256: outcome.output_sha256 } }),
          details: { exit_code: outcome.exit_code ?? null, duration_ms: outcome.duration_ms ?? null },
        }),
      )
      await actions.move(action.id, 'running', state, { finished_at: clock.now(), outcome })
    })
    announce(bus, action, state)
    await relay.acknowledge(action.server_id, action.id)
  }

  /** An outcome is known: a database that is away for a while must not lose it. After a crash the agent still has it. */
  async function persistently(write: () => Promise<void>): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await write()
      } catch (error) {
        if (attempt === 30) throw error
        await new Promise((resolve) => setTimeout(resolve, STORE_RETRY_MS))
      }
    }
  }

  /**
   * Whatever is approved or running and in nobody's hands: Central was restarted, or the server or the database was
   * away. Called at start and now and then.
   */
  async function sweep(): Promise<void> {
    const found = await actions.inState(['approved', 'running'])
    await Promise.all(found.map((action) => resume(action).catch(report(action))))
  }

  function resume(action: Action): Promise<void> {
    if (action.state === 'running') return carryOn(action)
    const late = (action.decision?.at ?? 0) + LIMITS.startWithin < clock.now()
    return late ? hold(action, () => lapse(action)) : start(action)
  }

  /** Approved long ago and never started: it does not run later by surprise. */
  async function lapse(action: Action): Promise<void> {
    await audit.append(eventOf(action, SYSTEM, action.id, { event: 'action.expired' }))
    const outcome = { detail: 'Central stopped after the approval and before the start; nothing was executed.' }
    await actions.move(action.id, 'approved', 'expired', { finished_at: clock.now(), outcome })
  }

  /** The server is back: ask for what is still open, and let it forget what is already stored. */
  async function onHello(message: { server_id: string; unacknowledged: readonly string[] }): Promise<void> {
    for (const action of await actions.inState(['running'], message.server_id)) carryOn(action).catch(report(action))
    for (const id of message.unacknowledged) {
      const action = await actions.get(id)
      if (action?.state !== 'running') await relay.acknowledge(message.server_id, id)
    }
  }

  const report = (action: Action) => (error: unknown) =>
    log.error({ err: error, action_id: action.id }, 'action could not be carried on')

  const stopListening = [
    bus.subscribe('hello', (message) => {
      onHello(message as Parameters<typeof onHello>[0]).catch((error) => log.error({ err: error }, 'hello not handled'))
    }),
    bus.subscribe('cancel_run', (message) => inFlight.get((message as { action_id: string }).action_id)?.abort()),
  ]

  return {
    start,
    sweep,
    /** Asks whichever replica runs it to end the run; how it ended is reported by the run itself. */
    async cancel(actionId: string): Promise<void> {
      bus.publish('cancel_run', { action_id: actionId })
    },
    stop: () => {
      for (const stop of stopListening) stop()
    },
  }
}

export type RunAction = ReturnType<typeof createRunAction>

const failed = (detail: string, error?: CatalogueError): End => ({
  state: 'failed',
  outcome: { detail, ...(error && { error: { code: error.code, details: error.details } }) },
})

const unknown = (detail: string): End => ({ state: 'unknown', outcome: { detail } })
