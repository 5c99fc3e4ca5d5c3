// The read lane: one shell line, contained by the kernel, so that it needs no grant. Without containment it refuses.
import { randomUUID } from 'node:crypto'
import { type LaneName, loadPolicy, refuseLane } from '../guard/policy.ts'
import { secretPaths } from '../guard/secret-paths.ts'
import { readAccounts } from '../process/accounts.ts'
import { type RunEnd, run } from '../process/run.ts'
import { prepareSandbox, sandbox } from '../process/sandbox.ts'
import type { Caller } from './caller.ts'
import { createOutput, redactedCommands, type Totals, warmUp } from './output.ts'
import type { LaneSettings } from './settings.ts'
import { emptyOutcome, type Outcome, type ReadRequest, type Refusal } from './words.ts'

const LANE: LaneName = 'read'
const GRACE_MS = 500
const ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LANG: 'C.UTF-8',
  HOME: '/',
  TERM: 'dumb',
  PAGER: 'cat',
  SYSTEMD_PAGER: 'cat',
  /** The one place inside that can be written to; it goes with the run. */
  TMPDIR: '/dev/shm',
}

export type ReadLane = (request: ReadRequest, caller: Caller) => Promise<Outcome | { refusal: Refusal }>

/** Makes all that needs no request, so that a lane that waited answers at once. It serves one request. */
export function prepareReadLane(settings: LaneSettings): ReadLane {
  const prepared = prepareSandbox()
  const secrets = secretPaths(readAccounts())
  warmUp(settings.hostKey)

  return async (request, caller) => {
    const policy = await loadPolicy(settings.configDirectory)
    const refusal = refuseLane(policy, LANE)
    if (refusal || !policy.ok) return { refusal: refusal ?? { code: 'POLICY_DENIED', details: {} } }
    const output = createOutput({
      hostKey: settings.hostKey,
      take: async (offset, data) => {
        await caller.output(offset, data)
        return !caller.gone.aborted
      },
    })
    const own = [settings.dataDirectory, settings.configDirectory, ...settings.hidden]
    const contained = sandbox(prepared, {
      argv: [settings.shell, '-c', request.line],
      hidden: [...own, ...policy.policy.deniedPaths, ...secrets],
      timeoutMs: request.timeoutMs,
    })
    // Not the request's id: what carries the id of an action would be ended with this run, without a grant.
    const spec = { ...contained, id: `read-${randomUUID()}`, cwd: '/', env: ENVIRONMENT, terminal: false }
    const end = await run(
      { ...spec, timeoutMs: request.timeoutMs, graceMs: GRACE_MS },
      { onOutput: output.write, signal: AbortSignal.any([caller.cancelled, caller.gone]), now: Date.now },
    )
    return describe(end, await output.end(), prepared.status.read())
  }
}

/** Bubblewrap reports an exit code only of a command that it did start (man 1 bwrap, --json-status-fd). */
function describe(end: RunEnd, totals: Totals, status: string): Outcome {
  const started = end.state !== 'EXITED' || status.includes('"exit-code"')
  const { state, ...rest } = end
  const isolation = 'ISOLATION_BUBBLEWRAP'
  if (!started)
    return { ...emptyOutcome('RUN_STATE_NOT_STARTED', 'The sandbox could not be set up.'), ...totals, isolation }
  return {
    ...rest,
    survivors: redactedCommands(rest.survivors),
    ...totals,
    state: `RUN_STATE_${state}`,
    isolation,
    detail: '',
  }
}
