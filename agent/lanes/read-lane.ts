// The read lane: one shell line, contained by the kernel, so that it needs no grant. Without containment it refuses.
import { randomUUID } from 'node:crypto'
import { type LaneName, loadPolicy, type Policy, refuseLane } from '../guard/policy.ts'
import { attackOn, runAttack } from '../process/isolation.ts'
import { type RunEnd, run } from '../process/run.ts'
import type { Caller } from './caller.ts'
import { type Containment, prepareContainment } from './containment.ts'
import { createOutput, type Totals, warmUp } from './output.ts'
import type { LaneSettings } from './settings.ts'
import { type AttackRequest, emptyOutcome, ended, type Outcome, type ReadRequest, type Refusal } from './words.ts'

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

export type ReadLane = (
  request: ReadRequest | AttackRequest,
  caller: Caller,
) => Promise<{ outcome: Outcome } | { refusal: Refusal } | { report: string }>

/** Makes all that needs no request, so that a lane that waited answers at once. It serves one request. */
export function prepareReadLane(settings: LaneSettings): ReadLane {
  const containment = prepareContainment(settings)
  warmUp(settings.hostKey)

  return async (request, caller) => {
    const policy = await loadPolicy(settings.configDirectory)
    if (!policy.ok) return { refusal: refuseLane(policy, LANE) ?? { code: 'POLICY_DENIED', details: {} } }
    if (request.do === 'attack') return { report: await attacked(request, containment, policy.policy) }
    const refusal = refuseLane(policy, LANE) ?? containment.refuse(policy.policy)
    if (refusal) return { refusal }
    const output = createOutput({
      hostKey: settings.hostKey,
      take: async (offset, data) => {
        await caller.output(offset, data)
        return !caller.gone.aborted
      },
    })
    const contained = containment.program([settings.shell, '-c', request.line], request.timeoutMs, policy.policy)
    // Not the request's id: what carries the id of an action would be ended with this run, without a grant.
    const spec = { ...contained, id: `read-${randomUUID()}`, cwd: '/', env: ENVIRONMENT, terminal: false }
    const end = await run(
      { ...spec, timeoutMs: request.timeoutMs, graceMs: GRACE_MS },
      { onOutput: output.write, signal: AbortSignal.any([caller.cancelled, caller.gone]), now: Date.now },
    )
    return { outcome: describe(end, await output.end(), containment) }
  }
}

const attacked = ({ targets }: AttackRequest, containment: Containment, policy: Policy): Promise<string> =>
  runAttack(containment.program([process.execPath, ...attackOn(targets)], 0, policy), targets.token)

function describe(end: RunEnd, totals: Totals, { started, isolation }: Containment): Outcome {
  if (!started(end))
    return { ...emptyOutcome('RUN_STATE_NOT_STARTED', 'The sandbox could not be set up.'), ...totals, isolation }
  return ended(end, totals, isolation)
}
