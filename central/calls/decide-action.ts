// A person's decision, from any door where one can be made: recorded first, and what was approved is started.
import type { Logger } from 'pino'
import type { Approvals, DecideRequest } from '../approvals/approvals.ts'
import type { Action } from '../domain/action.ts'
import type { RunAction } from './run-action.ts'

export function createDecideAction(rooms: { approvals: Approvals; runAction: RunAction; log: Logger }) {
  const { approvals, runAction, log } = rooms
  return async function decideAction(asked: DecideRequest): Promise<Action> {
    const action = await approvals.decide(asked)
    if (action.state === 'approved') {
      // The person sees the run go on; should it not start, the action says so itself.
      runAction.start(action).catch((error) => log.error({ err: error, action_id: action.id }, 'action did not start'))
    }
    return action
  }
}
