// A rollout: the servers that follow once the first one, the canary, has been updated. Pure: what is next is told by what
// has become of those that were begun, so that a restart goes on where it was.
import type { ActionState } from './action.ts'

/** In waves of `share` percent; the next wave begins when the one before has ended, with at most so many at once. */
export type Rollout = { server_ids: readonly string[]; share: number; max_in_flight: number }

/** `absent`: offline when their turn came; they are left out. */
export type Step =
  | { kind: 'start'; servers: readonly string[]; absent: readonly string[] }
  | { kind: 'wait' }
  | { kind: 'finished' }
  | { kind: 'halted'; why: string }

/** An approval holds for the whole of its rollout for this long after the canary has succeeded. */
export const ROLLOUT_LIFE = 24 * 3_600_000

/** How a server's part may end without stopping the others; `expired` is left out: nothing ran there. */
const HARMLESS: readonly ActionState[] = ['approved', 'running', 'succeeded', 'expired']
const OPEN: readonly ActionState[] = ['approved', 'running']

/**
 * @param children what was begun, by server
 * @param relapsed a server that was updated, and whose agent says another version since: it went back later
 */
export function nextWave(
  { server_ids, share, max_in_flight }: Rollout,
  children: ReadonlyMap<string, ActionState>,
  { online, over, relapsed }: { online: ReadonlySet<string>; over: boolean; relapsed?: string | undefined },
): Step {
  const bad = [...children].find(([, state]) => !HARMLESS.includes(state))
  if (bad) return { kind: 'halted', why: `${bad[0]}: ${bad[1]}` }
  const open = [...children.values()].filter((state) => OPEN.includes(state)).length
  const left = server_ids.filter((id) => !children.has(id))
  if (left.length === 0) return { kind: open === 0 ? 'finished' : 'wait' }
  if (relapsed !== undefined) return { kind: 'halted', why: `${relapsed}: runs another version again` }
  if (over) return { kind: 'halted', why: 'It took longer than its approval holds.' }
  const size = Math.max(1, Math.ceil((server_ids.length * share) / 100))
  const begun = (server_ids.length - left.length) % size
  if (begun === 0 && open > 0) return { kind: 'wait' }
  const next = left.slice(0, Math.max(0, Math.min(size - begun, max_in_flight - open)))
  if (next.length === 0) return { kind: 'wait' }
  const servers = next.filter((id) => online.has(id))
  return { kind: 'start', servers, absent: next.filter((id) => !online.has(id)) }
}
