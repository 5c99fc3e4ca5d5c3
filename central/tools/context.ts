// What a handler may use. Rooms come in here, so that a tool imports nothing but the domain and the contract.
import type { Methods } from '#proto/contract/methods.ts'
import type { Approvals } from '../approvals/approvals.ts'
import type { Audit } from '../audit/audit.ts'
import type { Rollouts } from '../calls/rollouts.ts'
import type { ActionOutcome } from '../domain/action.ts'
import type { Clock } from '../domain/clock.ts'
import type { Principal } from '../domain/principal.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { Workspace } from '../plans/plans.ts'
import type { Diagnoses } from '../reality/diagnosis.ts'
import type { Reality } from '../reality/reality.ts'
import type { Releases } from '../releases/releases.ts'
import type { ActionsStore } from '../storage/actions.ts'
import type { CatalogEntry } from './define.ts'

/** A shell line of the read lane; with `verb`, its argv as a fixed verb of another lane. */
export type ReadCommand = { line: string; verb?: { lane: VerbLane; argv: readonly string[] } }
export type VerbLane = 'inspect' | 'docker'

/** A read-only run that ended in time, or the action that it has become because it is long or prints much. */
export type ReadRun =
  | {
      kind: 'ended'
      outcome: ActionOutcome
      state: 'succeeded' | 'failed' | 'timed_out' | 'cancelled' | 'unknown'
      output: Buffer
    }
  | { kind: 'action'; actionId: string }

export type InstallationHealth = Methods['inspect.installation']['answer']

export type ToolContext = {
  principal: Principal
  workspace: Workspace
  requestId: string
  signal: AbortSignal
  clock: Clock
  progress: (message: string) => void
  /** The client can open a URL for the person (MCP URL-mode elicitation). */
  canElicitUrl: boolean
  elicited: 'accept' | 'decline' | undefined
  fleet: Fleet
  approvals: Approvals
  audit: Audit
  output: Pick<ActionsStore, 'readOutput' | 'outputEnd'>
  catalog: readonly CatalogEntry[]
  runRead: (serverId: string, command: ReadCommand, timeoutMs: number) => Promise<ReadRun>
  /** The installation of a server that is online, as its host finds it. Text in it is untrusted. */
  inspectInstallation: (serverId: string) => Promise<InstallationHealth>
  /** A FileQuestion to a server that is online, as JSON, and its answer as the host gave it: untrusted. */
  askFiles: (serverId: string, question: string) => Promise<string>
  /** A DockerQuestion, in the same way. */
  askDocker: (serverId: string, question: string) => Promise<string>
  /** What runs on a server. */
  reality: Pick<Reality, 'get' | 'refresh' | 'cached'>
  /** What is wrong with it. */
  diagnoses: Pick<Diagnoses, 'run'>
  /** The release that Central offers to hosts. */
  releases: Pick<Releases, 'current'>
  rollouts: Pick<Rollouts, 'view' | 'stopRollout'>
  cancelRun: (actionId: string) => Promise<void>
  /** Opens what an outcome keeps sealed, for the one who asked. */
  unseal: (purpose: string, sealed: string) => string
}
