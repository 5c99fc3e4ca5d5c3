// All streams of this replica: who is let in, one stream a server, and what happens when two show one identity.
import { status } from '@grpc/grpc-js'
import type { Logger } from 'pino'
import { CAPABILITY_VERSION, OLDEST_CAPABILITY_VERSION } from '#proto/contract/capability-version.ts'
import type { Bus } from '../bus/bus.ts'
import type { Clock } from '../domain/clock.ts'
import type { HostSample } from '../domain/server.ts'
import { agentOf } from '../fleet/ca.ts'
import type { Presented } from '../fleet/credentials.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { Hello } from './frames.ts'
import type { Front } from './front.ts'
import type { RelayLimits } from './limits.ts'
import { createSession, type Ending, type LinkCall, type Session } from './session.ts'

export type StreamsRooms = {
  fleet: Pick<Fleet, 'link'>
  bus: Bus
  clock: Clock
  log: Logger
  limits: RelayLimits
  front: () => Pick<Front, 'claim' | 'abandon'>
}

const unauthenticated = (details: string): Ending => ({ code: status.UNAUTHENTICATED, details })

type Holder = { session: Session; stopServing: () => void }

export function createStreams(rooms: StreamsRooms) {
  const { bus, clock, log, limits } = rooms
  const { link } = rooms.fleet
  const counters = { strayAnswers: 0, strayChunks: 0, ignoredFrames: 0, violations: 0, refused: 0, clones: 0 }
  /** Every stream that is not closed, also those not yet let in. */
  const sessions = new Set<Session>()
  const holders = new Map<string, Holder>()
  /** Servers of which one stream is being let in; the next one waits outside. */
  const entering = new Set<string>()

  const stopListening = bus.subscribe('certificate_revoked', (message) => {
    const { server_id } = message as { server_id: string }
    for (const session of sessions) {
      if (session.serverId === server_id) session.close(unauthenticated('the certificate has been taken back'))
    }
  })

  function onStream(call: LinkCall): void {
    call.on('error', () => {})
    const peer = call.getPeer()
    const presented = presentedBy(call)
    if (!rooms.front().claim(peer)) {
      refuse(call, { code: status.RESOURCE_EXHAUSTED, details: 'one stream a connection' })
    } else if (presented) {
      sessions.add(createSession(call, presented, { clock, log, limits, counters, ...handlers }))
    } else {
      rooms.front().abandon(peer)
      refuse(call, unauthenticated('not the certificate of an agent'))
    }
  }

  function refuse(call: LinkCall, ending: Ending): void {
    counters.refused++
    call.emit('error', ending)
  }

  const onHeartbeat = (session: Session, sample: HostSample) => link.heartbeat(serverOf(session), sample)

  async function onHello(session: Session, hello: Hello): Promise<void> {
    const refusal = (await admit(session, hello)) ?? (await enter(session, hello))
    if (!refusal) return
    counters.refused++
    log.info({ server_id: session.serverId, peer: session.peer, why: refusal.details }, 'agent refused')
    session.close(refusal)
  }

  /** The lines are the checks, in order. */
  async function admit(session: Session, hello: Hello): Promise<Ending | undefined> {
    const admission = await link.admit(session.presented)
    if (!admission.ok) return unauthenticated(`the certificate is ${admission.why}`)
    session.certificate = admission.certificate
    if (hello.facts.capability_version < OLDEST_CAPABILITY_VERSION)
      return { code: status.FAILED_PRECONDITION, details: 'AGENT_OUTDATED' }
  }

  async function enter(session: Session, hello: Hello): Promise<Ending | undefined> {
    const { serverId } = session
    if (entering.has(serverId)) return { code: status.UNAVAILABLE, details: 'another stream is being let in' }
    entering.add(serverId)
    try {
      return (await makeRoom(session, hello)) ?? (await takePlace(session, hello))
    } finally {
      entering.delete(serverId)
    }
  }

  /**
   * A stream that still answers keeps its place: then there are two with one identity, and the newcomer is refused. Only
   * the same agent process coming with the certificate that it was just given takes over without question.
   */
  async function makeRoom(session: Session, hello: Hello): Promise<Ending | undefined> {
    const { serverId } = session
    const holder = holders.get(serverId)?.session
    if (!holder) return
    const renewed = session.certificate?.state === 'candidate' && holder.instanceId === hello.instanceId
    if (!renewed && (await holder.challenge())) {
      counters.clones++
      const { workspaceId, peer } = session
      link.cloneSeen({ workspaceId, serverId, peer, hostname: hello.facts.hostname })
      return { code: status.ALREADY_EXISTS, details: 'another agent is connected with this identity' }
    }
  }

  async function takePlace(session: Session, hello: Hello): Promise<Ending | undefined> {
    const { serverId, certificate } = session
    if (certificate?.state === 'candidate' && !(await link.commit(serverId, certificate.serial))) {
      return unauthenticated('the certificate is no candidate any more')
    }
    await link.saveFacts(serverId, hello.facts)
    const toBelieve = await link.believes(serverId, hello.authorities)
    if (session.isClosed() || !certificate) return
    holders.get(serverId)?.session.close({ code: status.ABORTED, details: 'replaced by a newer stream' })
    const stopServing = bus.serve(serverId, session.requests.call, session.acknowledge)
    holders.set(serverId, { session, stopServing })
    link.opened(serverOf(session), { ...certificate, state: 'active' })
    session.welcome()
    if (toBelieve !== undefined) session.trust(toBelieve)
    bus.publish('hello', { server_id: serverId, unacknowledged: hello.unacknowledged })
    log.info({ server_id: serverId, agent_version: hello.facts.agent_version }, 'agent connected')
    if (hello.facts.capability_version > CAPABILITY_VERSION)
      log.info({ server_id: serverId }, 'the agent is newer than Central')
  }

  async function onRenew(session: Session, csrPem: string): Promise<string | undefined> {
    const { serverId, workspaceId, presented } = session
    const renewal = await link.renew({ serverId, workspaceId, serial: presented.serial }, csrPem)
    if (renewal.ok) return renewal.certificatePem
    log.warn({ server_id: serverId, why: renewal.why }, 'certificate renewal refused')
  }

  async function onTrusted({ serverId }: Session, authorities: string[]): Promise<void> {
    await link.believes(serverId, authorities)
    log.info({ server_id: serverId, authorities }, 'the agent believes what it was told to')
  }

  function onClosed(session: Session, ending: Ending): void {
    sessions.delete(session)
    rooms.front().abandon(session.peer)
    const holder = holders.get(session.serverId)
    if (holder?.session !== session) return
    holder.stopServing()
    holders.delete(session.serverId)
    link.closed(session.serverId)
    log.info({ server_id: session.serverId, why: ending.details }, 'agent disconnected')
  }

  const handlers = { onHello, onHeartbeat, onRenew, onTrusted, onClosed }

  return {
    onStream,
    counters,
    connected: () => holders.size,
    /** The longest queue of each kind that a stream has right now. */
    longest(): { waitingFrames: number; inFlight: number } {
      const longest = { waitingFrames: 0, inFlight: 0 }
      for (const { waiting, requests } of sessions) {
        longest.waitingFrames = Math.max(longest.waitingFrames, waiting())
        longest.inFlight = Math.max(longest.inFlight, requests.inFlight())
      }
      return longest
    },
    sweep(): void {
      const now = clock.now()
      for (const session of sessions) session.sweep(now)
    },
    closeAll(): void {
      stopListening()
      for (const session of sessions) session.close({ code: status.UNAVAILABLE, details: 'Central is stopping' })
    },
  }
}

export type Streams = ReturnType<typeof createStreams>

const serverOf = ({ serverId, workspaceId }: Session) => ({ id: serverId, workspaceId })

/** What TLS has verified; undefined when it is not an agent's certificate. */
function presentedBy(call: LinkCall): Presented | undefined {
  const certificate = call.getAuthContext().sslPeerCertificate
  const identity = agentOf(certificate?.subjectaltname)
  if (!certificate || !identity) return
  return {
    identity,
    serial: certificate.serialNumber.toLowerCase(),
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
  }
}
