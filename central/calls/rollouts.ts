// Goes on with rollouts: once the update that a person approved has succeeded, the servers that were approved with it
// follow in waves. What has become of each stands in the database, so that a restart goes on where it was.
import type { Logger } from 'pino'
import { announce } from '../approvals/announce.ts'
import { eventOf, SYSTEM } from '../approvals/approvals.ts'
import type { Audit } from '../audit/audit.ts'
import type { Bus } from '../bus/bus.ts'
import { type Action, type ActionState, isTerminal, mustBeWhatWasApproved, newAction } from '../domain/action.ts'
import type { Clock } from '../domain/clock.ts'
import type { Principal } from '../domain/principal.ts'
import { nextWave, ROLLOUT_LIFE, type Rollout, type Step } from '../domain/rollout.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { ActionsStore } from '../storage/actions.ts'

export type RolloutView = { step: Step; children: readonly Action[] }

const ABSENT = 'The server was offline when its turn came; nothing was executed.'
const STOPPED = 'A person stopped the rollout before its turn came; nothing was executed.'

export function createRollouts(rooms: {
  actions: ActionsStore
  audit: Audit
  fleet: Pick<Fleet, 'list'>
  bus: Bus
  clock: Clock
  log: Logger
  start: (action: Action) => Promise<void>
}) {
  const { actions, audit, fleet, bus, clock, log } = rooms
  const turns = new Map<string, Promise<void>>()

  async function look(parent: Action, rollout: Rollout): Promise<RolloutView> {
    const [children, servers] = await Promise.all([actions.children(parent.id), fleet.list(parent.workspace_id)])
    const online = new Set(servers.filter((server) => server.online).map(({ id }) => id))
    const over = (parent.finished_at ?? clock.now()) + ROLLOUT_LIFE < clock.now()
    const states = new Map(children.map(({ server_id, state }) => [server_id, state]))
    const updated = new Set([parent, ...children].flatMap((one) => (one.state === 'succeeded' ? one.server_id : [])))
    const relapsed = servers.find(({ id, agentVersion }) => updated.has(id) && agentVersion !== versionOf(parent))?.id
    return { step: nextWave(rollout, states, { online, over, relapsed }), children }
  }

  /** One after the other: what one has begun, the next one sees. */
  function inTurn(parent: Action, work: () => Promise<void>): Promise<void> {
    const turn = (turns.get(parent.id) ?? Promise.resolve()).catch(() => {}).then(work)
    turns.set(parent.id, turn)
    return turn.finally(() => {
      if (turns.get(parent.id) === turn) turns.delete(parent.id)
    })
  }

  /** Begins what is next, if anything is. */
  async function advance(parent: Action): Promise<void> {
    const rollout = rolloutOf(parent)
    if (!rollout || parent.state !== 'succeeded') return
    mustBeWhatWasApproved(parent)
    await inTurn(parent, async () => {
      for (;;) {
        const { step } = await look(parent, rollout)
        if (step.kind !== 'start') return
        for (const id of step.absent) await record(parent, id, 'expired', ABSENT)
        for (const id of step.servers) await begin(parent, id)
        if (step.servers.length > 0) return
      }
    })
  }

  async function begin(parent: Action, serverId: string): Promise<void> {
    const child = await record(parent, serverId, 'approved')
    if (child) rooms.start(child).catch((error) => log.error({ err: error, action_id: child.id }, 'did not start'))
  }

  /** A server's part, decided with the whole. Undefined when it has one already. */
  async function record(
    parent: Action,
    serverId: string,
    state: ActionState,
    detail?: string,
  ): Promise<Action | undefined> {
    const now = clock.now()
    const child = newAction({
      workspace_id: parent.workspace_id,
      parent_id: parent.id,
      spec: partOf(parent, serverId),
      words: { ...parent.words, title: `${parent.words.title}: this server's part` },
      state,
      requester: parent.requester,
      // What was signed holds for the parent alone.
      decision: parent.decision && { ...parent.decision, approval: undefined },
      created_at: now,
      ...(detail && { finished_at: now, outcome: { detail } }),
    })
    const details = { digest: child.digest, parent_id: parent.id, parent_digest: parent.digest }
    const line = eventOf(child, SYSTEM, parent.id, { event: 'action.decided', verdict: state, details })
    await audit.append(line)
    if (!(await actions.insert(child))) {
      // Another replica was first: the line of this one does not hold.
      await audit.append({ ...line, outcome: 'error:ACTION_NOT_FOUND' })
      return undefined
    }
    announce(bus, child, state)
    return child
  }

  /** The update that the news is about, or the one whose approval it runs on. */
  async function onNews({ action_id, state }: { action_id: string; state: ActionState }): Promise<void> {
    if (!isTerminal(state)) return
    const action = await actions.get(action_id)
    if (action?.spec.kind !== 'update_agent') return
    const parent = action.parent_id === null ? action : await actions.get(action.parent_id)
    if (parent) await advance(parent)
  }

  const notGoingOn = (action_id: string) => (error: unknown) =>
    log.error({ err: error, action_id }, 'rollout does not go on')

  const stopListening = bus.subscribe('actions', (message) => {
    const news = message as Parameters<typeof onNews>[0]
    onNews(news).catch(notGoingOn(news.action_id))
  })

  return {
    /** How far the rollout of this action is; undefined when it has none. */
    async view(parent: Action): Promise<RolloutView | undefined> {
      const rollout = rolloutOf(parent)
      return rollout && look(parent, rollout)
    },
    /** No further server begins; what has begun goes on. */
    async stopRollout(by: Principal, parent: Action): Promise<void> {
      const rollout = rolloutOf(parent)
      if (!rollout) return
      const line = { event: 'action.decided' as const, verdict: 'cancelled', details: { stopped: 'rollout' } }
      await audit.append(eventOf(parent, by, parent.id, line))
      await inTurn(parent, async () => {
        const begun = new Set((await actions.children(parent.id)).map(({ server_id }) => server_id))
        for (const id of rollout.server_ids) if (!begun.has(id)) await record(parent, id, 'cancelled', STOPPED)
      })
    },
    /** What a restart, or news that got lost, has left. Called at start and now and then. */
    async sweep(): Promise<void> {
      for (const parent of await actions.updatesSince(clock.now() - ROLLOUT_LIFE))
        await advance(parent).catch(notGoingOn(parent.id))
    },
    stop: stopListening,
  }
}

export type Rollouts = ReturnType<typeof createRollouts>

const rolloutOf = ({ spec }: Action): Rollout | undefined => (spec.kind === 'update_agent' ? spec.rollout : undefined)

const versionOf = ({ spec }: Action): string | undefined => (spec.kind === 'update_agent' ? spec.version : undefined)

/** The same update on another server, and nothing else. */
function partOf({ spec }: Action, serverId: string): Action['spec'] {
  if (spec.kind !== 'update_agent') throw new TypeError(`a ${spec.kind} has no rollout`)
  const { rollout: _, ...update } = spec
  return { ...update, server_id: serverId }
}
