// The act lane: runs what a grant says, once or not at all, and knows afterwards how it ended. It believes the pinned
// action key and nobody else, the daemon included; a host in signed mode does not believe that key alone
// (agent/guard/approvers.ts). A run goes on when its daemon dies; a later lane settles it.
import { setTimeout as delay } from 'node:timers/promises'
import { type Grant, verifyGrant } from '#proto/contract/grant.ts'
import { LIMITS } from '#proto/contract/limits.ts'
import { errorCode } from '../files/durable-file.ts'
import { refuseUnapproved, refuseUnstated } from '../guard/approvers.ts'
import { loadPolicy, type PolicyAnswer, refuseLane } from '../guard/policy.ts'
import { type Account, accountEnvironment, findAccount, readAccounts, runAs } from '../process/accounts.ts'
import { findSurvivors } from '../process/kill.ts'
import { identify, stillRuns } from '../process/process-table.ts'
import { run } from '../process/run.ts'
import type { ActStore } from './act-store.ts'
import type { Caller } from './caller.ts'
import { sweepScripts } from './leftovers.ts'
import { createOutput, redactedCommands } from './output.ts'
import type { LaneSettings } from './settings.ts'
import type { readTrust } from './trust.ts'
import { type ActRequest, emptyOutcome, ended, type Outcome, type Refusal, type SignedWords } from './words.ts'

const GRACE_MS = 3_000
const FOLLOW_MS = 50

/** The steps of a run at which a crash means something else. Tests stop the process there. */
export type Step = 'before-take' | 'taken' | 'started' | 'ended' | 'outcome-written'
export type ActLane = {
  settings: LaneSettings
  store: ActStore
  trust: ReturnType<typeof readTrust>
  now(): number
  step(name: Step): void
}
export type ActAnswer = { outcome: Outcome } | { refusal: Refusal } | { forgotten: true }

const refuse = (code: Refusal['code'], details: Record<string, unknown>): { refusal: Refusal } => ({
  refusal: { code, details },
})

const UNVERIFIED = {
  signature: refuse('POLICY_DENIED', { reason: 'grant_signature' }),
  form: refuse('POLICY_DENIED', { reason: 'grant_form' }),
  server: refuse('POLICY_DENIED', { reason: 'grant_server' }),
  expired: refuse('TIMEOUT', { reason: 'start_before', started: false }),
}

function check(words: Pick<SignedWords, 'grant' | 'signature'>, lane: ActLane, now: number) {
  const signed = { grant: Buffer.from(words.grant, 'base64'), signature: Buffer.from(words.signature, 'base64') }
  return verifyGrant(signed, { ...lane.trust, now })
}

/** Which approvals the host's owner wants is kept where only root writes, whatever the lane was called for. */
export async function readLaw({ settings, store }: Pick<ActLane, 'settings' | 'store'>): Promise<PolicyAnswer> {
  const answer = await loadPolicy(settings.configDirectory)
  if (answer.ok) store.rememberApprovals(answer.policy.approvals)
  return answer
}

/** Everything of the host's own law that this run meets. */
function refusedByLaw(law: PolicyAnswer, grant: Grant, lane: ActLane) {
  const refusal = refuseLane(law, 'act')
  if (refusal || !law.ok) return refusal
  const { approvals } = law.policy
  return refuseUnstated(approvals, lane.store.wasSigned()) ?? refuseUnapproved(approvals, grant, lane.now())
}

export async function actLane(request: ActRequest, caller: Caller, lane: ActLane): Promise<ActAnswer> {
  sweepScripts(lane.settings.actDirectory, lane.now())
  if (request.do === 'forget') return forget(request.grants, lane)
  const checked = check(request, lane, request.do === 'run' ? lane.now() : 0)
  if (!checked.ok) return UNVERIFIED[checked.why]
  return request.do === 'run'
    ? await runOnce(checked.grant, request.outputFrom, caller, lane)
    : { outcome: await settle(checked.grant, request.outputFrom, caller, lane) }
}

const isolationOf = ({ settings }: ActLane): Outcome['isolation'] =>
  settings.unit === undefined ? 'ISOLATION_NONE' : 'ISOLATION_SYSTEMD'

/** Everything that can be refused is refused before the nonce is spent; from then on there is an outcome. */
async function runOnce(grant: Grant, from: number, caller: Caller, lane: ActLane): Promise<ActAnswer> {
  const denied = refusedByLaw(await readLaw(lane), grant, lane)
  if (denied) return { refusal: denied }
  if (grant.terminal && grant.input !== undefined)
    return refuse('VALIDATION_ERROR', { field: 'input', reason: 'on_a_terminal' })
  const ownUid = process.getuid?.() ?? 0
  const account = findAccount(readAccounts(), grant.user, ownUid)
  const argv = account && runAs(grant.argv, account, ownUid)
  if (!argv) return refuse('VALIDATION_ERROR', { field: 'user', reason: account ? 'not_permitted' : 'no_such_account' })
  lane.step('before-take')
  if (!lane.store.take(grant, identify(process.pid))) return refuse('POLICY_DENIED', { reason: 'grant_used' })
  lane.step('taken')
  await caller.say({ taken: true })

  let over = false
  const following = follow(grant, from, caller, lane, () => over)
  following.catch(() => {}) // told below, once the outcome is on disk: what is not handed on ends no run
  const outcome = await perform(grant, argv, account, caller, lane)
  lane.step('ended')
  conclude(grant, lane.store, outcome)
  lane.step('outcome-written')
  over = true
  await following
  return { outcome }
}

async function perform(
  grant: Grant,
  argv: string[],
  account: Account,
  caller: Caller,
  lane: ActLane,
): Promise<Outcome> {
  const spool = lane.store.openSpool(grant, LIMITS.keptOutput)
  const output = createOutput({ hostKey: lane.settings.hostKey, take: spool.write })
  const terminated = new AbortController()
  let started = false
  process.on('SIGTERM', () => terminated.abort())
  try {
    const end = await run(
      {
        id: grant.action_id,
        argv,
        cwd: grant.cwd || account.home,
        env: { ...accountEnvironment(account), ...grant.env },
        terminal: grant.terminal,
        input: grant.input === undefined ? undefined : Buffer.from(grant.input, 'base64'),
        timeoutMs: grant.timeout_ms,
        graceMs: GRACE_MS,
        unit: lane.settings.unit,
        ...(account.uid === process.getuid?.() ? {} : { owner: account.uid }),
      },
      {
        onOutput: output.write,
        onStart: () => {
          started = true
          lane.step('started')
        },
        signal: AbortSignal.any([caller.cancelled, terminated.signal]),
        now: lane.now,
      },
    )
    return ended(end, await output.end(), isolationOf(lane))
  } catch (error) {
    if (started) throw error
    return {
      ...emptyOutcome('RUN_STATE_NOT_STARTED', `It could not be started (${errorCode(error) ?? 'fault'}).`),
      ...(await output.end()),
    }
  } finally {
    spool.close()
  }
}

/** Hands on what is in the spool from an offset, and what comes to it until it is over. */
async function follow(grant: Grant, from: number, caller: Caller, lane: ActLane, isOver: () => boolean): Promise<void> {
  for (let offset = from; !caller.gone.aborted; ) {
    const last = isOver()
    for await (const chunk of lane.store.readSpool(grant, offset)) {
      await caller.output(offset, chunk)
      offset += chunk.length
      if (caller.gone.aborted) return
    }
    if (last) return
    await delay(FOLLOW_MS)
  }
}

/** How an action that may have been started elsewhere ended. One that never started never will. */
async function settle(grant: Grant, from: number, caller: Caller, lane: ActLane): Promise<Outcome> {
  let outcome: Outcome | undefined
  const finding = (async () => {
    outcome = await findOutcome(grant, caller, lane)
  })()
  await Promise.all([finding, follow(grant, from, caller, lane, () => outcome !== undefined)])
  if (!outcome) throw new Error('the outcome was not found')
  return outcome
}

async function findOutcome(grant: Grant, caller: Caller, { store }: ActLane): Promise<Outcome> {
  for (let asked = false; ; await delay(FOLLOW_MS)) {
    const taken = store.taken(grant)
    const alive = taken?.lane && stillRuns(taken.lane)
    // Read after the look at the process: one that has ended since then had written it before.
    const outcome = store.outcome(grant)
    if (outcome) return outcome
    if (!taken && !store.burn(grant)) continue
    if (!taken?.lane) return conclude(grant, store, emptyOutcome('RUN_STATE_NOT_STARTED', 'It was never started.'))
    if (!alive) return conclude(grant, store, await lost(grant, store))
    if (caller.cancelled.aborted && !asked) {
      asked = true
      process.kill(taken.lane.pid, 'SIGTERM')
    }
    if (caller.gone.aborted) throw new Error('nobody waits for the outcome any more')
  }
}

async function lost(grant: Grant, store: ActStore): Promise<Outcome> {
  const { bytes, hash } = await store.measureSpool(grant)
  const detail = 'The lane ended while it ran; whether and how it ended is not known.'
  const survivors = redactedCommands(findSurvivors(grant.action_id))
  const seen = { outputBytes: bytes, outputKept: bytes, outputSha256: hash, survivors }
  return { ...emptyOutcome('RUN_STATE_UNKNOWN', detail), ...seen }
}

function conclude(grant: Grant, store: ActStore, outcome: Outcome): Outcome {
  try {
    store.writeOutcome(grant, outcome)
  } catch (error) {
    if (errorCode(error) !== 'ENOSPC') throw error // on a full disk the outcome is still reported
  }
  return outcome
}

function forget(grants: string[], lane: ActLane): ActAnswer {
  for (const bytes of grants) {
    const grant = readNames(bytes)
    if (grant) lane.store.forget(grant)
  }
  lane.store.prune(lane.now())
  return { forgotten: true }
}

/** What was never a grant has left nothing here to forget, and shall not keep the others from being forgotten. */
function readNames(bytes: string): Pick<Grant, 'action_id' | 'nonce'> | undefined {
  try {
    const { action_id, nonce } = JSON.parse(Buffer.from(bytes, 'base64').toString('utf8'))
    return typeof action_id === 'string' && typeof nonce === 'string' ? { action_id, nonce } : undefined
  } catch {
    return undefined
  }
}
