// From what an agent reports to what an action's record says.
import type { Methods } from '#proto/contract/methods.ts'
import type { RunState } from '#proto/gen/mttrly/agent/v1/RunState.ts'
import type { ActionOutcome } from '../domain/action.ts'

export type RunOutcome = Methods['commands.act']['answer']
export type EndState = 'succeeded' | 'failed' | 'timed_out' | 'cancelled' | 'unknown'

const END_STATES = {
  RUN_STATE_UNKNOWN: 'unknown',
  RUN_STATE_EXITED: 'succeeded',
  RUN_STATE_SIGNALLED: 'failed',
  RUN_STATE_TIMED_OUT: 'timed_out',
  RUN_STATE_CANCELLED: 'cancelled',
  RUN_STATE_NOT_STARTED: 'failed',
} as const satisfies Record<keyof typeof RunState, EndState>

export const endStateOf = (run: RunOutcome): EndState =>
  run.state === 'RUN_STATE_EXITED' && run.exitCode !== 0 ? 'failed' : END_STATES[run.state]

export const isolationName = (isolation: RunOutcome['isolation']): string =>
  isolation.replace('ISOLATION_', '').toLowerCase()

export function outcomeOf(run: RunOutcome): ActionOutcome {
  const ended = run.state === 'RUN_STATE_EXITED'
  return {
    ...(ended && { exit_code: run.exitCode }),
    ...(run.signal && { signal: run.signal }),
    duration_ms: run.durationMs,
    output_bytes: run.outputBytes,
    output_sha256: run.outputSha256,
    output_kept: run.outputKept,
    redactions: run.redactions,
    ...(run.survivors.length > 0 && { survivors: run.survivors }),
    isolation: isolationName(run.isolation),
    ...(run.detail && { detail: run.detail }),
  }
}
