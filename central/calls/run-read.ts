// Runs a read-only line or verb. It answers at once when it can; what is long or prints much becomes an action with an id, so
// that nothing is lost and every tool answers in time.
import type { Logger } from 'pino'
import { CatalogueError } from '#proto/contract/errors.ts'
import { announce } from '../approvals/announce.ts'
import { actorOf, eventOf, SYSTEM } from '../approvals/approvals.ts'
import type { Audit } from '../audit/audit.ts'
import type { Bus } from '../bus/bus.ts'
import { type Action, type ActionOutcome, type ActionSpec, newAction } from '../domain/action.ts'
import type { Clock } from '../domain/clock.ts'
import type { Principal } from '../domain/principal.ts'
import type { Relay } from '../relay/relay.ts'
import type { ActionsStore } from '../storage/actions.ts'
import type { ReadCommand, ReadRun } from '../tools/context.ts'
import { type EndState, endStateOf, finishedLine, outcomeOf } from './outcomes.ts'
import { CANCEL_RUN, keepOutput, persistently } from './runs.ts'
import { titleOf } from './titles.ts'

/** Output that is answered without a record. */
export const INLINE_OUTPUT = 16 * 1024
/** A run that takes longer becomes an action. */
export const PROMOTE_AFTER = 20_000

type Ended = { state: EndState; outcome: ActionOutcome }

export function createRunRead(rooms: {
  relay: Relay
  actions: ActionsStore
  audit: Audit
  bus: Bus
  clock: Clock
  log: Logger
}) {
  const { relay, actions, audit, bus, clock, log } = rooms

  return async function runRead(
    call: { principal: Principal; signal: AbortSignal },
    serverId: string,
    command: ReadCommand,
    timeoutMs: number,
  ): Promise<ReadRun> {
    const held: Buffer[] = []
    let promoted: Promise<Action> | undefined
    const promotedLater = Promise.withResolvers<Action>()
    const caller = new AbortController()
    const abandon = () => caller.abort()
    // Until the run has an id, it belongs to the call and ends with it.
    call.signal.addEventListener('abort', abandon, { once: true })
    if (call.signal.aborted) abandon()
    let stopListening = () => {}

    function promote(): Promise<Action> {
      promoted ??= (async () => {
        call.signal.removeEventListener('abort', abandon)
        const action = recordOf(call.principal, serverId, command, timeoutMs, clock.now())
        await actions.insert(action)
        stopListening = bus.subscribe(CANCEL_RUN, (message) => {
          if ((message as { action_id: string }).action_id === action.id) abandon()
        })
        await actions.appendOutput(action.id, 0, Buffer.concat(held.splice(0)))
        promotedLater.resolve(action)
        return action
      })()
      return promoted
    }

    async function onOutput(offset: number, data: Buffer): Promise<void> {
      if (!promoted) {
        held.push(Buffer.from(data))
        if (offset + data.length > INLINE_OUTPUT) await promote()
        return
      }
      await keepOutput(actions, (await promoted).id)(offset, data)
    }

    /** Without a record nobody could ask for the rest: the run ends with the call. */
    function notPromoted(error: unknown): void {
      abandon()
      promotedLater.reject(error)
    }

    const timer = setTimeout(() => promote().catch(notPromoted), PROMOTE_AFTER)
    const io = { signal: caller.signal, timeoutMs: timeoutMs + 15_000, onOutput }
    const { line, verb } = command
    const ended = (
      verb
        ? relay.call(serverId, `${verb.lane}.run`, { argv: [...verb.argv], timeoutMs }, io)
        : relay.call(serverId, 'commands.read', { line, timeoutMs }, io)
    )
      .then((run): Ended => ({ state: endStateOf(run), outcome: outcomeOf(run) }))
      .finally(() => {
        clearTimeout(timer)
        stopListening()
        call.signal.removeEventListener('abort', abandon)
      })
    const finished = ended.then(
      async (end) => (promoted ? record(await promoted, end) : end),
      async (error: unknown) => {
        if (!promoted) throw error
        return record(await promoted, failureOf(error))
      },
    )
    const first = await Promise.race([finished, promotedLater.promise])
    if ('id' in first) {
      finished.catch((error) =>
        log.error({ err: error, action_id: first.id }, 'the end of a read-only run was not recorded'),
      )
      return { kind: 'action', actionId: first.id }
    }
    if (promoted) return { kind: 'action', actionId: (await promoted).id }
    return { kind: 'ended', ...first, output: Buffer.concat(held) }
  }

  async function record(action: Action, { state, outcome }: Ended): Promise<Ended> {
    await persistently(() => audit.append(eventOf(action, SYSTEM, action.id, finishedLine(state, outcome))))
    await persistently(() => actions.move(action.id, 'running', state, { finished_at: clock.now(), outcome }))
    announce(bus, action, state)
    return { state, outcome }
  }
}

function failureOf(error: unknown): Ended {
  const refusal = error instanceof CatalogueError ? error : new CatalogueError('INTERNAL_ERROR')
  return {
    state: 'failed',
    outcome: {
      detail: 'The read-only run ended without a result; it changed nothing and can be repeated.',
      error: { code: refusal.code, details: refusal.details },
    },
  }
}

/** The record of a read-only run: it was never asked for approval, and it holds no grant. */
function recordOf(
  principal: Principal,
  serverId: string,
  { line, verb }: ReadCommand,
  timeoutMs: number,
  now: number,
): Action {
  const spec: ActionSpec = {
    kind: 'command',
    server_id: serverId,
    line,
    argv: [],
    cwd: '/',
    env: {},
    user: '',
    terminal: false,
    timeout_ms: timeoutMs,
  }
  return newAction({
    workspace_id: principal.workspaceId,
    spec,
    words: {
      title: titleOf(line),
      effect: `Changes nothing: it ran in the ${verb?.lane ?? 'read'} lane.`,
      undo: '',
      reason: '',
      why: '',
    },
    state: 'running',
    requester: actorOf(principal),
    created_at: now,
    started_at: now,
  })
}
