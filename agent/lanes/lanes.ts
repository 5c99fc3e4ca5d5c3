// The daemon's side of the lanes: starts them, speaks with them, keeps a few that look waiting while a server is being
// worked on. It holds no parser, no redactor and no key: what runs in a lane is the lane's own business.
import { fileURLToPath } from 'node:url'
import type { LaneName } from '../guard/policy.ts'
import type { Companion, startCompanion } from '../process/spawn.ts'
import { readFrames, wordsFrame } from './frames.ts'
import type {
  DiagnosisAnswer,
  DockerAnswer,
  DockerRequest,
  FilesAnswer,
  Health,
  InspectRequest,
  LaneFacts,
  LaneWords,
  Outcome,
  ReadRequest,
  RealityAnswer,
  Refusal,
  Request,
  SignedWords,
} from './words.ts'

const ENTRY = fileURLToPath(new URL('./main.ts', import.meta.url))
/** Lanes that wait at once for their one request. */
const WAITING: Partial<Record<LaneName, number>> = { read: 4, inspect: 2 }
/** No longer: a lane sees the host's mounts, and what is hidden of them, as they were when it came. */
const WAIT_MS = 60_000
const AROUND_MS = 12_000

export type Answer<Result = Outcome> =
  | { kind: 'outcome'; outcome: Result }
  | { kind: 'refusal'; refusal: Refusal }
  | { kind: 'lost' }
export type LaneIo = {
  /** A cancel: the run and its whole tree are to end. */
  signal: AbortSignal
  onOutput(offset: number, data: Buffer): Promise<void>
  /** Nobody waits for the answer any more: the lane is left, and one that only looks ends with that. */
  gone?: AbortSignal
  /** The nonce is spent. */
  onTaken?(): void
}
export type Lanes = ReturnType<typeof createLanes>

export function createLanes(options: {
  start: typeof startCompanion
  /** What every lane is told about the host (`laneArguments`). */
  args: readonly string[]
  /** The lane program, when it is not our own. */
  entry?: string
  /** Where compiled code is kept, so that a lane starts in a third of the time. */
  compileCache: string
  /** Where systemd starts the lanes: a connection to the lane's socket. Decided once, when the agent starts. */
  connect?: ((lane: LaneName) => Companion) | undefined
  timers?: { setTimeout(act: () => void, ms: number): { unref(): unknown }; clearTimeout(timer: unknown): void }
}) {
  const timers = options.timers ?? { setTimeout, clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout) }
  const env = { NODE_COMPILE_CACHE: options.compileCache, PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' }
  const waiting = new Map<LaneName, Companion[]>()
  const looking = new Set<Companion>()
  let stopped = false

  const start = (lane: LaneName | 'probe'): Companion =>
    (lane !== 'probe' && options.connect?.(lane)) ||
    options.start([process.execPath, options.entry ?? ENTRY, lane, ...options.args], env)

  const waitingFor = (name: LaneName): Companion[] => {
    const lanes = waiting.get(name) ?? []
    waiting.set(name, lanes)
    return lanes
  }
  /** Whether it was waiting. */
  const withdraw = (name: LaneName, lane: Companion): boolean => {
    const at = waitingFor(name).indexOf(lane)
    if (at >= 0) waitingFor(name).splice(at, 1)
    return at >= 0
  }
  const wait = (name: LaneName): void => {
    const lane = start(name)
    waitingFor(name).push(lane)
    const dismiss = (): void => {
      if (withdraw(name, lane)) lane.input.end()
    }
    timers.setTimeout(dismiss, WAIT_MS).unref()
    lane.ended.then(() => withdraw(name, lane))
  }
  const take = (name: LaneName): Companion => waitingFor(name).shift() ?? start(name)
  /** One for the one just used, and one more while there is room: bursts find a lane waiting. */
  const refill = (name: LaneName): void => {
    for (let more = 0; more < 2 && waitingFor(name).length < (WAITING[name] ?? 0) && !stopped; more += 1) wait(name)
  }

  async function look<Result>(
    name: LaneName,
    request: Request,
    io: LaneIo,
    lane = take(name),
  ): Promise<Answer<Result>> {
    looking.add(lane)
    try {
      return await converse<Result>(lane, request, io)
    } finally {
      looking.delete(lane)
      refill(name)
    }
  }

  /** It reads of every process, which can wait for ever in the kernel; then it is left, and ends itself. */
  async function lookAround<Result>(request: Request, io: LaneIo): Promise<Answer<Result>> {
    const lane = take('inspect')
    let late = false
    const timer = timers.setTimeout(() => {
      late = true
      lane.kill()
    }, AROUND_MS)
    const answer = await look<Result>('inspect', request, io, lane)
    timers.clearTimeout(timer)
    if (answer.kind !== 'lost' || !late) return answer
    const why = 'The host did not say in time what runs on it. A process that waits for a disk can be the reason.'
    return { kind: 'refusal', refusal: { code: 'TIMEOUT', details: { why } } }
  }

  return {
    read: (request: Omit<ReadRequest, 'do'>, io: LaneIo): Promise<Answer> =>
      look('read', { do: 'read', ...request }, io),
    inspect: (request: Omit<InspectRequest, 'do'>, io: LaneIo): Promise<Answer> =>
      look('inspect', { do: 'inspect', ...request }, io),
    installation: (io: LaneIo): Promise<Answer<Health>> => look('inspect', { do: 'installation' }, io),
    files: (json: string, io: LaneIo): Promise<Answer<FilesAnswer>> => look('inspect', { do: 'files', json }, io),
    docker: (request: Omit<DockerRequest, 'do'>, io: LaneIo): Promise<Answer> =>
      look('docker', { do: 'docker', ...request }, io),
    containers: (json: string, io: LaneIo): Promise<Answer<DockerAnswer>> =>
      look('docker', { do: 'containers', json }, io),
    /** `containers`: as the docker lane said them. */
    reality: (containers: string, io: LaneIo): Promise<Answer<RealityAnswer>> =>
      lookAround({ do: 'reality', containers }, io),
    diagnose: (json: string, containers: string, io: LaneIo): Promise<Answer<DiagnosisAnswer>> =>
      lookAround({ do: 'diagnose', json, containers }, io),
    act: (verb: 'run' | 'settle', words: SignedWords, io: LaneIo): Promise<Answer> =>
      converse(start('act'), { do: verb, ...words }, io),
    async forget(grants: string[]): Promise<void> {
      await converse(
        start('act'),
        { do: 'forget', grants },
        { signal: new AbortController().signal, onOutput: async () => {} },
      )
    },
    /** @throws Error when the lane program itself does not work */
    async probe(): Promise<LaneFacts> {
      const lane = start('probe')
      for await (const frame of readFrames<{ facts: LaneFacts }>(lane.output))
        if ('words' in frame) return frame.words.facts
      throw new Error('the lane program ended without an answer')
    },
    /** Ends what waits and what only looks. Act lanes go on. */
    async stop(): Promise<void> {
      stopped = true
      const ending = [...[...waiting.values()].flat(), ...looking]
      waiting.clear()
      for (const lane of ending) lane.input.end()
      await Promise.all(ending.map(({ ended }) => ended))
    },
  }
}

async function converse<Result = Outcome>(lane: Companion, request: Request, io: LaneIo): Promise<Answer<Result>> {
  const cancel = (): void => void lane.input.write(wordsFrame({ do: 'cancel' }))
  const leave = (): void => void lane.input.end()
  lane.input.write(wordsFrame(request))
  io.signal.addEventListener('abort', cancel)
  io.gone?.addEventListener('abort', leave)
  if (io.signal.aborted) cancel()
  if (io.gone?.aborted) leave()
  try {
    for await (const frame of readFrames<LaneWords<Result>>(lane.output)) {
      if ('output' in frame) await io.onOutput(frame.output.offset, frame.output.data)
      else if ('outcome' in frame.words) return { kind: 'outcome', outcome: frame.words.outcome }
      else if ('refusal' in frame.words) return { kind: 'refusal', refusal: frame.words.refusal }
      else if ('taken' in frame.words) io.onTaken?.()
    }
    return { kind: 'lost' }
  } catch (error) {
    if (error instanceof RangeError || error instanceof SyntaxError) throw error
    return { kind: 'lost' }
  } finally {
    io.signal.removeEventListener('abort', cancel)
    io.gone?.removeEventListener('abort', leave)
    lane.input.end()
  }
}
