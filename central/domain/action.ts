// The life of an action. Pure: what follows what, and what a client is told.
import type { Approval } from '#proto/contract/approval.ts'
import type { FileAnswer } from '#proto/contract/files.ts'
import { canonicalBytes, sha256 } from '#proto/contract/grant.ts'
import type { RepairPlan } from '#proto/contract/installation.ts'
import { createId } from './ids.ts'
import type { Rollout } from './rollout.ts'

export const ACTION_STATES = [
  'pending_approval',
  'approved',
  'running',
  'succeeded',
  'failed',
  'timed_out',
  'unknown',
  'rejected',
  'cancelled',
  'expired',
  'notification_failed',
] as const
export type ActionState = (typeof ACTION_STATES)[number]

/** Every move that storage may make, by compare-and-set on the state it starts from. */
export const ACTION_MOVES: Record<ActionState, readonly ActionState[]> = {
  pending_approval: ['approved', 'rejected', 'cancelled', 'expired', 'notification_failed'],
  approved: ['running', 'cancelled', 'expired'],
  running: ['succeeded', 'failed', 'timed_out', 'unknown', 'cancelled'],
  succeeded: [],
  failed: [],
  timed_out: [],
  unknown: [],
  rejected: [],
  cancelled: [],
  expired: [],
  notification_failed: [],
}

export const isTerminal = (state: ActionState): boolean => ACTION_MOVES[state].length === 0
export const mayMove = (from: ActionState, to: ActionState): boolean => ACTION_MOVES[from].includes(to)

/** What the act lane executes, word for word: the part of a spec that becomes a grant. */
export type HostRun = {
  argv: readonly string[]
  /** Its standard input, base64. */
  input?: string
  cwd: string
  env: Readonly<Record<string, string>>
  /** Empty for the account that the act lane runs as. */
  user: string
  terminal: boolean
  timeout_ms: number
}

/** What is to be done, in full: the canonical JSON of this is what is shown, hashed, stored and executed. */
export type ActionSpec =
  | ({ kind: 'command'; server_id: string; line: string } & HostRun)
  | ({ kind: 'repair_install'; server_id: string; plan: RepairPlan } & HostRun)
  | UpdateSpec
  | FileSpec
  | ScriptSpec
  | { kind: 'bootstrap_recover'; server_id: string }
  | { kind: 'regenerate_install_token'; server_id: string }
  | { kind: 'decommission_server'; server_id: string }
export type ActionKind = ActionSpec['kind']

/** `manifest` is the SHA-256 of the manifest's bytes. With `rollout`, further servers follow once this one has succeeded. */
export type UpdateSpec = {
  kind: 'update_agent'
  server_id: string
  version: string
  manifest: string
  rollout?: Rollout
} & HostRun

/** `plan` is what the host said it would change; a file that is not as it was then is left alone. */
export type FileSpec = { kind: 'write_file' | 'cleanup_file'; server_id: string; plan: FileAnswer<'plan'> } & HostRun

/** `script` is what runs: as it was given, or, with its path, what the host said (redacted) that its hash is of. */
export type ScriptSpec = { kind: 'execute_script'; server_id: string; script: Script } & HostRun
export type Script =
  | { kind: 'inline'; interpreter: string; text: string }
  | { kind: 'managed'; path: string; sha256: string; text: string; redactions: number }

export type HostSpec = Extract<ActionSpec, HostRun>
export const runsOnHost = (spec: ActionSpec): spec is HostSpec => 'argv' in spec

/** What a person reads beside the canonical bytes before deciding. */
export type ActionWords = {
  title: string
  effect: string
  undo: string
  /** What the client gave as its reason: untrusted text. */
  reason: string
  /** Why a human is asked. */
  why: string
}

export type Requester = {
  user_id: string
  email: string
  credential: 'oauth' | 'api_key' | 'session' | 'system'
  client_id: string
  client_name: string
  grant_id: string
  source: string
}

export type ActionOutcome = {
  exit_code?: number
  signal?: string
  duration_ms?: number
  output_bytes?: number
  output_sha256?: string
  output_kept?: number
  redactions?: number
  survivors?: readonly { pid: number; command: string }[]
  isolation?: string
  /** One sentence for states that need one (unknown, failed before start). */
  detail?: string
  error?: { code: string; details: Readonly<Record<string, unknown>> }
  /** What an action that Central performs itself has to say; sealed with the data key, since it may hold a token. */
  sealed?: string
}

export type Decision = {
  by_user_id: string
  by_email: string
  at: number
  /** How the person proved to be there: a passkey, a one-time code, their approver's key, or none (rejecting needs none). */
  proof: 'passkey' | 'totp' | 'signature' | 'none'
  /** What they signed, where the host wants to see that for itself. */
  approval?: Approval
}

export type Action = {
  id: string
  workspace_id: string
  server_id: string
  /** The action whose approval holds for this one too: a server's part in a rollout. */
  parent_id: string | null
  spec: ActionSpec
  /** RFC 8785 bytes of the spec, as text, and their SHA-256. */
  canonical: string
  digest: string
  words: ActionWords
  state: ActionState
  requester: Requester
  created_at: number
  expires_at: number
  decision: Decision | null
  started_at: number | null
  finished_at: number | null
  outcome: ActionOutcome | null
}

type Asked = Pick<Action, 'workspace_id' | 'spec' | 'words' | 'state' | 'requester' | 'created_at'> & Partial<Action>

/** The record of an action, as every room that makes one makes it. */
export function newAction(asked: Asked): Action {
  const canonical = canonicalBytes(asked.spec).toString('utf8')
  return {
    id: createId('action'),
    server_id: asked.spec.server_id,
    parent_id: null,
    canonical,
    digest: sha256(canonical),
    expires_at: asked.created_at,
    decision: null,
    started_at: null,
    finished_at: null,
    outcome: null,
    ...asked,
  }
}

/** @throws TypeError when the record is not what its digest says: what was approved is what runs, whatever has happened since */
export function mustBeWhatWasApproved({ id, spec, canonical, digest }: Action): void {
  if (sha256(canonical) !== digest || canonicalBytes(spec).toString('utf8') !== canonical)
    throw new TypeError(`the record of ${id} is not what its digest says`)
}
