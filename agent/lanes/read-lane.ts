// The read lane: one shell line, contained by the kernel, so that it needs no grant. Without containment it refuses.
import { loadPolicy, type Policy, refuseLane } from '../guard/policy.ts'
import { attackOn, runAttack } from '../process/isolation.ts'
import type { Caller } from './caller.ts'
import { type Containment, prepareContainment } from './containment.ts'
import { look, rehearse } from './look.ts'
import type { LaneSettings } from './settings.ts'
import type { AttackRequest, Outcome, ReadRequest, Refusal } from './words.ts'

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
export async function prepareReadLane(settings: LaneSettings, asked: () => boolean): Promise<ReadLane> {
  const containment = prepareContainment(settings)
  await loadPolicy(settings.configDirectory) // for its parser: what the policy says is asked again by the request
  if (!asked()) await rehearse(settings)

  return async (request, caller) => {
    const answer = await loadPolicy(settings.configDirectory)
    if (!answer.ok) return { refusal: refuseLane(answer, 'read') ?? { code: 'POLICY_DENIED', details: {} } }
    const { policy } = answer
    if (request.do === 'attack') return { report: await attacked(request, containment, policy) }
    const refusal = refuseLane(answer, 'read') ?? containment.refuse(policy)
    if (refusal) return { refusal }
    const line = { argv: [settings.shell, '-c', request.line], env: ENVIRONMENT, timeoutMs: request.timeoutMs }
    return { outcome: await look(line, { containment, policy, settings, caller }) }
  }
}

const attacked = ({ targets }: AttackRequest, containment: Containment, policy: Policy): Promise<string> =>
  runAttack(containment.program([process.execPath, ...attackOn(targets)], 0, policy), targets.token)
