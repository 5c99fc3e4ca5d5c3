// The words of the lanes' protocol (frames.ts), and the outcome of a run as both ends hold it.
import type { ErrorCode } from '#proto/contract/errors.ts'
import type { InstallationHealth } from '#proto/gen/mttrly/agent/v1/InstallationHealth.ts'
import type { RunOutcome__Output } from '#proto/gen/mttrly/agent/v1/RunOutcome.ts'
import type { Targets } from '../process/isolation.ts'
import type { RunEnd } from '../process/run.ts'
import { redactedCommands, type Totals } from './output.ts'

export type Outcome = RunOutcome__Output
export type Health = InstallationHealth
/** Nothing was executed. */
export type Refusal = { code: ErrorCode; details: Record<string, unknown> }

export type ReadRequest = { do: 'read'; id: string; line: string; timeoutMs: number }
/** A verb of the table; the lane looks it up. */
export type InspectRequest = { do: 'inspect'; id: string; argv: readonly string[]; timeoutMs: number }
export type InstallationRequest = { do: 'installation' }
/** A FileQuestion (proto/contract/files.ts) as JSON, as Central sent it; so is what comes back. */
export type FilesRequest = { do: 'files'; json: string }
export type FilesAnswer = { json: string }
/** `containers`: what the docker lane said, as JSON; empty where there is no engine. */
export type RealityRequest = { do: 'reality'; containers: string }
/** A Snapshot (proto/contract/reality.ts) as JSON. */
export type RealityAnswer = { json: string }
/** A DiagnosisQuestion (proto/contract/diagnosis.ts) as JSON, and a Diagnosis. */
export type DiagnoseRequest = { do: 'diagnose'; json: string; containers: string }
export type DiagnosisAnswer = { json: string }
/** A verb of the table, answered by a container engine; the lane looks it up. */
export type DockerRequest = { do: 'docker'; id: string; argv: readonly string[]; timeoutMs: number }
/** A DockerQuestion (proto/contract/docker.ts) as JSON, as Central sent it; so is what comes back. */
export type DockerQuestionRequest = { do: 'containers'; json: string }
export type DockerAnswer = { json: string }
/** The agent tries its own sandbox. */
export type AttackRequest = { do: 'attack'; targets: Targets }
/** Base64 bytes of a Granted message. */
export type SignedWords = { grant: string; signature: string; outputFrom: number }
export type ActRequest =
  | ({ do: 'run' } & SignedWords)
  | ({ do: 'settle' } & SignedWords)
  | { do: 'forget'; grants: string[] }
/** In what a lane runs: the act lane, and that of the engine. */
export type WhereRequest = { do: 'where' }
export type Request =
  | ReadRequest
  | InspectRequest
  | InstallationRequest
  | FilesRequest
  | RealityRequest
  | DockerRequest
  | DockerQuestionRequest
  | DiagnoseRequest
  | AttackRequest
  | ActRequest
  | WhereRequest
export type Cancel = { do: 'cancel' }

/** `taken`: the nonce is spent, and the run is about to start. */
export type LaneWords<Result = Outcome> =
  | { taken: true }
  | { outcome: Result }
  | { refusal: Refusal }
  | { forgotten: true }

export type LaneFacts = {
  lanes: { name: string; isolation: Outcome['isolation'] }[]
  shell: string
  signedApprovals: boolean
  /** SubjectPublicKeyInfo, base64. */
  approvers: string[]
  notes: string[]
}

export const emptyOutcome = (state: Outcome['state'], detail: string): Outcome => ({
  state,
  exitCode: 0,
  signal: '',
  startedAt: 0,
  durationMs: 0,
  outputBytes: 0,
  outputSha256: '',
  outputKept: 0,
  redactions: 0,
  survivors: [],
  isolation: 'ISOLATION_NONE',
  detail,
})

export const ended = ({ state, left, ...end }: RunEnd, totals: Totals, isolation: Outcome['isolation']): Outcome => ({
  ...end,
  ...totals,
  survivors: redactedCommands(end.survivors),
  state: `RUN_STATE_${state}`,
  isolation,
  detail: left.length === 0 ? '' : `What it had left in the background was ended with it: ${names(left)}.`,
})

const names = (left: RunEnd['left']): string =>
  redactedCommands(left)
    .map(({ pid, command }) => `${command} (${pid})`)
    .join(', ')
    .slice(0, 500)
