// One run of a lane that only looks, from its start to its outcome: the same for a shell line and for a verb.
import { randomUUID } from 'node:crypto'
import { LIMITS } from '#proto/contract/limits.ts'
import type { Policy } from '../guard/policy.ts'
import { run } from '../process/run.ts'
import type { Caller } from './caller.ts'
import type { Containment } from './containment.ts'
import { createOutput } from './output.ts'
import type { LaneSettings } from './settings.ts'
import { emptyOutcome, ended, type Outcome } from './words.ts'

const GRACE_MS = 500
const REHEARSAL_MS = 2_000

export type Look = { argv: readonly string[]; env: Record<string, string>; timeoutMs: number }

/** Of every kind a little: what the redactor's rules look for, in shapes that are no secrets. */
const REHEARSED = 'time=2026-01-01T00:00:00Z level=info user=a password: none https://example.org/?a=b'

/**
 * A line of our own, the way that a request's line will go: what runs for the first time takes three times as long. Nobody
 * is told what it printed, nor that it failed.
 */
export async function rehearse({ shell, hostKey, unit }: LaneSettings): Promise<void> {
  const output = createOutput({ hostKey, take: () => true })
  const spec = { argv: [shell, '-c', `echo '${REHEARSED}'`], id: `look-${randomUUID()}`, cwd: '/', env: {} }
  const never = new AbortController().signal
  await run(
    { ...spec, unit, terminal: false, timeoutMs: REHEARSAL_MS, graceMs: 0 },
    { onOutput: output.write, signal: AbortSignal.any([never]), now: Date.now },
  ).catch(() => {})
  await output.end()
}

export async function look(
  { argv, env, timeoutMs }: Look,
  lane: { containment: Containment; policy: Policy; settings: LaneSettings; caller: Caller },
): Promise<Outcome> {
  const { containment, policy, settings, caller } = lane
  const output = createOutput({
    hostKey: settings.hostKey,
    take: async (offset, data) => {
      if (offset + data.length > LIMITS.keptOutput) return false
      await caller.output(offset, data)
      return !caller.gone.aborted
    },
  })
  // Not the request's id: what carries the id of an action would be ended with this run, without a grant.
  const spec = { ...containment.program(argv, timeoutMs, policy), id: `look-${randomUUID()}`, cwd: '/', env }
  const end = await run(
    { ...spec, terminal: false, timeoutMs, graceMs: GRACE_MS },
    { onOutput: output.write, signal: AbortSignal.any([caller.cancelled, caller.gone]), now: Date.now },
  )
  const totals = await output.end()
  if (containment.started(end)) return ended(end, totals, containment.isolation)
  const none = emptyOutcome('RUN_STATE_NOT_STARTED', 'The sandbox could not be set up.')
  return { ...none, ...totals, isolation: containment.isolation }
}
