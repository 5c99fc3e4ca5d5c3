// One stream from hello to its end: beats, answers pings, notices a peer that is silent, and hands requests on.
import { LIMITS } from '#proto/contract/limits.ts'
import type { AgentFrame } from '#proto/gen/mttrly/agent/v1/AgentFrame.ts'
import type { CentralFrame__Output } from '#proto/gen/mttrly/agent/v1/CentralFrame.ts'
import type { Heartbeat } from '#proto/gen/mttrly/agent/v1/Heartbeat.ts'
import type { Hello } from '#proto/gen/mttrly/agent/v1/Hello.ts'
import type { Welcome__Output } from '#proto/gen/mttrly/agent/v1/Welcome.ts'
import type { Log } from '../log.ts'
import type { LinkStream } from './connect.ts'
import { createDispatch, type Dispatch, type Handle } from './dispatch.ts'

const GREETING_MS = 20_000
const PING_MS = 15_000
/** Silence after which the peer counts as dead: three of its pongs are missing. */
const SILENCE_MS = 3 * PING_MS

export type SessionRooms = {
  clock: { now(): number }
  log: Log
  handle: Handle
  sample(): Promise<Heartbeat>
  acknowledge(requestId: string): Promise<void>
}
export type Session = {
  /** Resolves with the reason when the stream has ended. */
  over: Promise<string>
  welcomed: Promise<void>
  send(frame: AgentFrame): void
  idle(): boolean
  end(): void
}
/** What Central asks for, within reason: a timer over 2^31 ms would fire without end. */
export const heartbeatEvery = (asked: number): number => Math.min(300_000, Math.max(1_000, asked || LIMITS.heartbeat))

/** What Central says of who this agent is. */
export type IdentityFrames = { onCertificate(certificatePem: string): void; onTrust(caPem: string): void }

type Frames = {
  [K in NonNullable<CentralFrame__Output['frame']>]: (frame: NonNullable<CentralFrame__Output[K]>) => void
}

export function openSession(
  stream: LinkStream,
  hello: Hello,
  { onCertificate, onTrust }: IdentityFrames,
  { clock, log, handle, sample, acknowledge }: SessionRooms,
): Session {
  let dispatch: Dispatch | undefined
  let heardAt = clock.now()
  let writable = true
  let waiting: (() => void)[] = []
  const timers: NodeJS.Timeout[] = []
  const { promise: over, resolve: end } = Promise.withResolvers<string>()
  const { promise: welcomed, resolve: greet } = Promise.withResolvers<void>()

  const drained = (): void => {
    writable = true
    const woken = waiting
    waiting = []
    for (const wake of woken) wake()
  }
  /** Answers cannot be left out; a Central that asks and does not read is left before they fill the memory. */
  const send = (frame: AgentFrame): void => {
    if (stream.writableLength > LIMITS.queuedFrames) giveUp('Central does not read')
    else writable = stream.write(frame)
  }
  /** What may be left out when the stream is full is left out. */
  const sendIfRoom = (frame: AgentFrame): void => {
    if (writable) send(frame)
  }
  const ready = async (): Promise<void> => {
    while (!writable && !stream.destroyed) await new Promise<void>((resolve) => waiting.push(resolve))
  }
  const finish = (reason: string): void => {
    for (const timer of timers) clearInterval(timer)
    clearTimeout(greeting)
    dispatch?.end()
    drained()
    end(reason)
  }
  const giveUp = (reason: string): void => {
    finish(reason)
    stream.cancel()
  }
  const greeting = setTimeout(() => giveUp('no welcome came'), GREETING_MS)

  const beat = async (): Promise<void> => sendIfRoom({ heartbeat: await sample() })
  const listen = (): void => {
    if (clock.now() - heardAt > SILENCE_MS) giveUp('Central is silent')
    else sendIfRoom({ ping: { sentAt: clock.now() } })
  }
  const welcome = ({ heartbeatMs, initialCredit }: Welcome__Output): void => {
    if (dispatch) return
    clearTimeout(greeting)
    dispatch = createDispatch({ handle, outlet: { send, ready }, log, initialCredit: initialCredit || LIMITS.credit })
    timers.push(setInterval(beat, heartbeatEvery(heartbeatMs)), setInterval(listen, PING_MS))
    void beat()
    greet()
  }

  const frames: Frames = {
    welcome,
    request: (request) => void dispatch?.request(request),
    credit: ({ requestId, bytes }) => dispatch?.credit(requestId, bytes),
    cancel: ({ requestId }) => dispatch?.cancel(requestId),
    acknowledge: ({ requestId }) =>
      void acknowledge(requestId).catch((error) =>
        log.error({ request: requestId, error: String(error) }, 'not forgotten'),
      ),
    ping: ({ sentAt }) => sendIfRoom({ pong: { sentAt } }),
    pong: () => {},
    certificate: ({ certificatePem }) => onCertificate(certificatePem),
    trust: ({ caPem }) => onTrust(caPem),
  }
  const take = <K extends keyof Frames>(kind: K, frame: CentralFrame__Output): void => {
    const content = frame[kind]
    if (content) frames[kind](content)
  }
  stream.on('data', (frame: CentralFrame__Output) => {
    heardAt = clock.now()
    if (frame.frame) take(frame.frame, frame)
  })
  stream.on('drain', drained)
  stream.on('error', (error: Error & { code?: number }) =>
    finish(`${error.code ?? ''} ${error.message}`.trim().slice(0, 200)),
  )
  stream.on('end', () => finish('Central ended the stream'))
  stream.on('close', () => finish('the stream closed'))
  send({ hello })

  return {
    over,
    welcomed,
    send,
    idle: () => dispatch?.idle() ?? true,
    end() {
      finish('ended here')
      stream.end()
    },
  }
}
