// One agent's stream, from its first frame to its last: greeting, open, closed.
import { type ServerDuplexStream, status } from '@grpc/grpc-js'
import type { Logger } from 'pino'
import { CAPABILITY_VERSION } from '#proto/contract/capability-version.ts'
import { LIMITS } from '#proto/contract/limits.ts'
import type { AgentFrame__Output } from '#proto/gen/mttrly/agent/v1/AgentFrame.ts'
import type { CentralFrame } from '#proto/gen/mttrly/agent/v1/CentralFrame.ts'
import type { Clock } from '../domain/clock.ts'
import type { CertificateRecord, HostSample } from '../domain/server.ts'
import type { Presented } from '../fleet/credentials.ts'
import { type Hello, readHeartbeat, readHello, readTrusted } from './frames.ts'
import type { RelayLimits } from './limits.ts'
import { createOutbox } from './outbox.ts'
import { createRequests, type RequestsCounters } from './requests.ts'

export type LinkCall = ServerDuplexStream<AgentFrame__Output, CentralFrame>

/** Why a stream ends: the gRPC status that the agent gets, and a catalogue code or a few words. */
export type Ending = { code: status; details: string }

export type SessionCounters = RequestsCounters & { ignoredFrames: number; violations: number }

export type SessionRooms = {
  clock: Clock
  log: Logger
  limits: RelayLimits
  counters: SessionCounters
  onHello: (session: Session, hello: Hello) => Promise<void>
  onHeartbeat: (session: Session, sample: HostSample) => void
  /** The certificate in PEM; undefined when the request was refused. */
  onRenew: (session: Session, csrPem: string) => Promise<string | undefined>
  /** The agent has stored what it was told to believe. */
  onTrusted: (session: Session, authorities: string[]) => Promise<void>
  onClosed: (session: Session, ending: Ending) => void
}

const VIOLATION = status.INVALID_ARGUMENT

export function createSession(call: LinkCall, presented: Presented, rooms: SessionRooms) {
  const { clock, limits, counters } = rooms
  const outbox = createOutbox((frame) => call.write(frame), { frames: limits.queuedFrames, bytes: limits.queuedBytes })
  const requests = createRequests({
    outbox,
    clock,
    limits,
    counters,
    onOverflow: () => close({ code: status.RESOURCE_EXHAUSTED, details: 'the agent reads too slowly' }),
  })
  let state: 'greeting' | 'joining' | 'open' | 'closed' = 'greeting'
  let heardAt = clock.now()
  let pingedAt = 0
  let renewedAt = 0
  let trustSent = false
  let onAnswer: ((alive: boolean) => void) | undefined

  const session = {
    serverId: presented.identity.serverId,
    workspaceId: presented.identity.workspaceId,
    presented,
    peer: call.getPeer(),
    /** Set once the certificate has been admitted. */
    certificate: undefined as CertificateRecord | undefined,
    instanceId: '',
    requests,
    /** Frames that wait for the agent to read. */
    waiting: outbox.waiting,
    isClosed: () => state === 'closed',
    welcome,
    close,
    challenge,
    sweep,
    acknowledge: (requestId: string) => send({ acknowledge: { requestId } }),
    trust(caPem: string): void {
      trustSent = true
      send({ trust: { caPem } })
    },
  }

  call.on('data', onFrame)
  call.on('end', () => close({ code: status.OK, details: 'the agent has ended the stream' }))
  call.on('close', () => close({ code: status.CANCELLED, details: 'the connection is gone' }))
  call.on('drain', outbox.drain)
  call.on('error', () => {})

  function onFrame(frame: AgentFrame__Output): void {
    heardAt = clock.now()
    onAnswer?.(true)
    if (state === 'greeting') greet(frame)
    else if (state === 'open') handle(frame)
  }

  function greet({ hello }: AgentFrame__Output): void {
    const checked = hello && readHello(hello)
    if (!checked) {
      violate('a stream begins with a hello')
      return
    }
    state = 'joining'
    session.instanceId = checked.instanceId
    // What follows waits in the stream, not here, until the agent has been let in.
    call.pause()
    rooms.onHello(session, checked).catch((error: unknown) => {
      rooms.log.error({ err: error, server_id: session.serverId }, 'hello not handled')
      close({ code: status.UNAVAILABLE, details: 'Central cannot let the agent in right now' })
    })
  }

  function welcome(): void {
    if (state !== 'joining') return
    state = 'open'
    send({
      welcome: {
        serverId: session.serverId,
        capabilityVersion: CAPABILITY_VERSION,
        heartbeatMs: LIMITS.heartbeat,
        initialCredit: limits.credit,
      },
    })
    call.resume()
  }

  function handle(frame: AgentFrame__Output): void {
    const violation = frame.chunk
      ? requests.onChunk(frame.chunk)
      : frame.response
        ? requests.onResponse(frame.response)
        : handleOther(frame)
    if (violation) violate(violation)
  }

  function handleOther(frame: AgentFrame__Output): string | undefined {
    const { heartbeat, ping, pong, certificateRequest, trusted, hello } = frame
    if (heartbeat) onHeartbeat(readHeartbeat(heartbeat))
    else if (ping) send({ pong: { sentAt: ping.sentAt } })
    else if (certificateRequest) void renew(certificateRequest.csrPem)
    else if (trusted) onTrusted(readTrusted(trusted))
    else if (hello) return 'a second hello'
    else if (!pong) counters.ignoredFrames++
  }

  function onHeartbeat(sample: HostSample | undefined): void {
    if (sample) rooms.onHeartbeat(session, sample)
    else counters.ignoredFrames++
  }

  /** One answer for one question: what an agent says unasked costs no write. */
  function onTrusted(authorities: string[] | undefined): void {
    if (!authorities || !trustSent) {
      counters.ignoredFrames++
      return
    }
    trustSent = false
    rooms.onTrusted(session, authorities).catch((error: unknown) => {
      rooms.log.error({ err: error, server_id: session.serverId }, 'not written down whom the agent believes')
    })
  }

  async function renew(csrPem: string): Promise<void> {
    const now = clock.now()
    if (now - renewedAt < limits.renewEvery) {
      counters.ignoredFrames++
      return
    }
    renewedAt = now
    try {
      const certificatePem = await rooms.onRenew(session, csrPem)
      if (certificatePem) send({ certificate: { certificatePem } })
    } catch (error) {
      rooms.log.error({ err: error, server_id: session.serverId }, 'certificate not renewed')
    }
  }

  function send(frame: CentralFrame): void {
    if (state === 'closed') return
    if (!outbox.put(() => frame)) close({ code: status.RESOURCE_EXHAUSTED, details: 'the agent reads too slowly' })
  }

  function violate(what: string): void {
    counters.violations++
    rooms.log.warn({ server_id: session.serverId, peer: session.peer, what }, 'agent broke the protocol')
    close({ code: VIOLATION, details: what })
  }

  /** Whether anything is heard from the agent in time; it is asked. */
  function challenge(): Promise<boolean> {
    if (state === 'closed') return Promise.resolve(false)
    return new Promise((resolve) => {
      const timer = setTimeout(() => settle(false), limits.answerWithin)
      const settle = (alive: boolean) => {
        clearTimeout(timer)
        onAnswer = undefined
        resolve(alive)
      }
      onAnswer = settle
      send({ ping: { sentAt: clock.now() } })
    })
  }

  /** Called for every stream once a second, so that none needs a timer of its own. */
  function sweep(now: number): void {
    const silent = now - heardAt
    if (state === 'greeting' && silent >= limits.helloWithin) {
      close({ code: status.DEADLINE_EXCEEDED, details: 'no hello' })
    } else if (silent >= 2 * limits.pingAfter) {
      close({ code: status.UNAVAILABLE, details: 'nothing was heard for too long' })
    } else if (session.certificate && session.certificate.notAfter <= now) {
      close({ code: status.UNAUTHENTICATED, details: 'the certificate has expired' })
    } else if (state === 'open' && silent >= limits.pingAfter && now - pingedAt >= limits.pingAfter) {
      pingedAt = now
      send({ ping: { sentAt: now } })
    }
  }

  function close(ending: Ending): void {
    if (state === 'closed') return
    state = 'closed'
    onAnswer?.(false)
    call.resume()
    requests.loseAll()
    if (!call.destroyed) call.emit('error', ending)
    rooms.onClosed(session, ending)
  }

  return session
}

export type Session = {
  serverId: string
  workspaceId: string
  presented: Presented
  peer: string
  certificate: CertificateRecord | undefined
  instanceId: string
  requests: ReturnType<typeof createRequests>
  waiting: () => number
  isClosed: () => boolean
  welcome: () => void
  close: (ending: Ending) => void
  challenge: () => Promise<boolean>
  sweep: (now: number) => void
  acknowledge: (requestId: string) => void
  trust: (caPem: string) => void
}
