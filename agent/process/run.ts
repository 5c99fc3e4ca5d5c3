// One run from start to a known end: output as it comes, a time-out, a cancel, and the whole tree ended with it.
import { endTree, findSurvivors, type Survivor } from './kill.ts'
import { RUN_MARKER } from './process-table.ts'
import { startOnTerminal } from './pty.ts'
import { type Ended, type Program, type Started, start } from './spawn.ts'

export type RunSpec = Program & {
  /** Unique; every process of the run carries it. */
  id: string
  terminal: boolean
  timeoutMs: number
  /** Between TERM and KILL. */
  graceMs: number
  /** The cgroup that holds this process and the run alone: the run has not ended before it is empty but for us. */
  unit?: string | undefined
}
export type RunEnd = Ended & {
  state: 'EXITED' | 'SIGNALLED' | 'TIMED_OUT' | 'CANCELLED'
  startedAt: number
  durationMs: number
  /** What could not be ended. */
  survivors: Survivor[]
  /** What it had left in the background, and was ended with it. */
  left: Survivor[]
}

type Watch = { stopped: Promise<'TIMED_OUT' | 'CANCELLED'>; off(): void }

function watch(timeoutMs: number, signal: AbortSignal): Watch {
  let off = (): void => {}
  const stopped = new Promise<'TIMED_OUT' | 'CANCELLED'>((resolve) => {
    const cancel = (): void => resolve('CANCELLED')
    const timer = setTimeout(() => resolve('TIMED_OUT'), timeoutMs)
    signal.addEventListener('abort', cancel, { once: true })
    if (signal.aborted) cancel()
    off = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', cancel)
    }
  })
  return { stopped, off }
}

/** @throws the spawn error when nothing was started */
export async function run(
  spec: RunSpec,
  io: { onOutput(chunk: Buffer): Promise<void>; onStart?(pid: number): void; signal: AbortSignal; now(): number },
): Promise<RunEnd> {
  const program = { ...spec, env: { ...spec.env, [RUN_MARKER]: spec.id } }
  const startedAt = io.now()
  const started = await (spec.terminal ? startOnTerminal : start)(program, io.onOutput)
  io.onStart?.(started.pid)
  const watching = watch(spec.timeoutMs, io.signal)
  const first = await Promise.race([started.ended, watching.stopped])
  watching.off()
  const end = typeof first === 'string' ? await stop(spec, started, first) : await finish(spec, first)
  const durationMs = Math.max(0, io.now() - startedAt)
  await started.drain()
  return { ...end, startedAt, durationMs }
}

type Outcome = Omit<RunEnd, 'startedAt' | 'durationMs'>

/** In a unit of its own nothing outlives a run: systemd would end it together with the lane, and nobody would be told. */
async function finish(spec: RunSpec, ended: Ended): Promise<Outcome> {
  const state = ended.signal ? 'SIGNALLED' : 'EXITED'
  const left = spec.unit === undefined ? [] : findSurvivors(spec.id, spec.unit)
  const survivors = left.length === 0 ? [] : await endTree({ ...tree(spec), root: undefined })
  return { ...ended, state, survivors, left }
}

const tree = ({ id, unit, graceMs }: RunSpec) => ({ run: id, unit, graceMs })

async function stop(spec: RunSpec, started: Started, state: 'TIMED_OUT' | 'CANCELLED'): Promise<Outcome> {
  const survivors = await endTree({ ...tree(spec), root: started.pid })
  const alive = survivors.some(({ pid }) => pid === started.pid)
  const ended = alive ? { exitCode: 0, signal: '' } : await started.ended
  return { ...ended, state, survivors, left: [] }
}
