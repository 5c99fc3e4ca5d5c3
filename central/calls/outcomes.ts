// From what an agent reports to what an action's record says.
import type { Methods } from '#proto/contract/methods.ts'
import type { RunState } from '#proto/gen/mttrly/agent/v1/RunState.ts'
import type { ActionOutcome } from '../domain/action.ts'
import type { AuditEvent } from '../domain/audit.ts'
import { plainText } from '../domain/text.ts'

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

const SHA256 = /^[0-9a-f]{64}$/
const SURVIVORS = 50
const WORDS = 2_000

/** Text from a host: bounded and neutralised. */
export const hostText = (text: string): string => plainText(text.slice(0, WORDS))

export function outcomeOf(run: RunOutcome): ActionOutcome {
  const ended = run.state === 'RUN_STATE_EXITED'
  const survivors = run.survivors.slice(0, SURVIVORS).map(({ pid, command }) => ({ pid, command: hostText(command) }))
  return {
    ...(ended && { exit_code: run.exitCode }),
    ...(run.signal && { signal: hostText(run.signal) }),
    duration_ms: run.durationMs,
    output_bytes: run.outputBytes,
    ...(SHA256.test(run.outputSha256) && { output_sha256: run.outputSha256 }),
    output_kept: run.outputKept,
    redactions: run.redactions,
    ...(survivors.length > 0 && { survivors }),
    isolation: isolationName(run.isolation),
    ...(run.detail && { detail: hostText(run.detail) }),
  }
}

/** The closing audit line of a run. */
export const finishedLine = (
  state: EndState,
  outcome: ActionOutcome,
): Pick<AuditEvent, 'event'> & Partial<AuditEvent> => ({
  event: 'action.finished',
  outcome: state,
  ...(outcome.output_sha256 && { output: { bytes: outcome.output_bytes ?? 0, sha256: outcome.output_sha256 } }),
  details: { exit_code: outcome.exit_code ?? null, duration_ms: outcome.duration_ms ?? null },
})
