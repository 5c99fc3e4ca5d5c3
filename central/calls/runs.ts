// What read-only runs and approved ones share.
import { LIMITS } from '#proto/contract/limits.ts'
import type { OnOutput } from '../bus/bus.ts'
import type { ActionSpec } from '../domain/action.ts'
import type { ActionsStore } from '../storage/actions.ts'

/** Topic: a person wants this run ended, {action_id}. Whoever runs it hears of it. */
export const CANCEL_RUN = 'cancel_run'

const STORE_TRIES = 30
const STORE_RETRY_MS = 1_000

/** A read-only run is recorded as it was asked for; it has no argv, because it was never granted. */
export const isRead = (spec: ActionSpec): boolean => spec.kind === 'command' && spec.argv.length === 0

/** Writes output into the action's record, up to what may be kept: an agent that sends more fills no disk. */
export const keepOutput =
  (actions: ActionsStore, actionId: string): OnOutput =>
  async (offset, data) => {
    const room = LIMITS.keptOutput - offset
    if (room > 0) await actions.appendOutput(actionId, offset, data.subarray(0, room))
  }

/** An outcome is known: a database that is away for a while must not lose it. */
export async function persistently(write: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await write()
      return
    } catch (error) {
      if (attempt === STORE_TRIES) throw error
      await new Promise((resolve) => setTimeout(resolve, STORE_RETRY_MS))
    }
  }
}
