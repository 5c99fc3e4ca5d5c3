// One run from start to a known end: output as it comes, a time-out, a cancel, and the whole tree ended with it.
import { endTree, type Survivor } from './kill.ts'
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
}
export type RunEnd = Ended & {
  state: 'EXITED' | 'SIGNALLED' | 'TIMED_OUT' | 'CANCELLED'
  startedAt: number
  durationMs: number
  survivors: Survivor[]
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
  const end = typeof first === 'string' ? await stop(spec, started, first) : await finish(first)
  const durationMs = Math.max(0, io.now() - startedAt)
  await started.drain()
  return { ...end, startedAt, durationMs }
}

type Outcome = Omit<RunEnd, 'startedAt' | 'durationMs'>

const finish = async (ended: Ended): Promise<Outcome> => ({
  ...ended,
  state: ended.signal ? 'SIGNALLED' : 'EXITED',
  survivors: [],
})

async function stop(spec: RunSpec, started: Started, state: 'TIMED_OUT' | 'CANCELLED'): Promise<Outcome> {
  const survivors = await endTree({ root: started.pid, run: spec.id, graceMs: spec.graceMs })
  const left = survivors.some(({ pid }) => pid === started.pid)
  const ended = left ? { exitCode: 0, signal: '' } : await started.ended
  return { ...ended, state, survivors }
}
