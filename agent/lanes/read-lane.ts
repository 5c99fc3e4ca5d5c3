// The read lane: one shell line, contained by the kernel, so that it needs no grant. Without containment it refuses.
import { type LaneName, loadPolicy, refuseLane } from '../guard/policy.ts'
import { secretPaths } from '../guard/secret-paths.ts'
import { readAccounts } from '../process/accounts.ts'
import { type RunEnd, run } from '../process/run.ts'
import { sandbox } from '../process/sandbox.ts'
import { openStatusFile } from '../process/scratch.ts'
import type { Caller } from './caller.ts'
import { createOutput } from './output.ts'
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

export async function readLane(
  request: ReadRequest,
  caller: Caller,
  settings: LaneSettings,
): Promise<Outcome | { refusal: Refusal }> {
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
  const homes = readAccounts().map(({ home }) => home)
  const status = openStatusFile()
  const contained = sandbox({
    argv: [settings.shell, '-c', request.line],
    hidden: [
      settings.dataDirectory,
      settings.configDirectory,
      ...settings.hidden,
      ...policy.policy.deniedPaths,
      ...secretPaths(homes),
    ],
    timeoutMs: request.timeoutMs,
    status: status.fd,
  })
  const program = { ...contained, id: request.id, cwd: '/', env: ENVIRONMENT, terminal: false }
  try {
    const end = await run(
      { ...program, timeoutMs: request.timeoutMs, graceMs: GRACE_MS },
      {
        onOutput: output.write,
        signal: AbortSignal.any([caller.cancelled, caller.gone]),
        now: Date.now,
      },
    )
    const totals = await output.end()
    return describe(end, totals, status.read())
  } finally {
    status.close()
  }
}

/** Bubblewrap reports an exit code only of a command that it did start (man 1 bwrap, --json-status-fd). */
function describe(
  end: RunEnd,
  totals: Awaited<ReturnType<ReturnType<typeof createOutput>['end']>>,
  status: string,
): Outcome {
  const started = end.state !== 'EXITED' || status.includes('"exit-code"')
  const { state, ...rest } = end
  const isolation = 'ISOLATION_BUBBLEWRAP'
  if (!started)
    return { ...emptyOutcome('RUN_STATE_NOT_STARTED', 'The sandbox could not be set up.'), ...totals, isolation }
  return { ...rest, ...totals, state: `RUN_STATE_${state}`, isolation, detail: '' }
}
