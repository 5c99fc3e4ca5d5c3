import type { Bus } from '../bus/bus.ts'
import type { Action, ActionState } from '../domain/action.ts'

/** Tells whoever waits for this action, and whoever looks at the workspace's list. */
export function announce(bus: Bus, action: Pick<Action, 'id' | 'workspace_id'>, state: ActionState): void {
  bus.publish(`action:${action.id}`, { state })
  bus.publish('actions', { workspace_id: action.workspace_id, action_id: action.id, state })
}
