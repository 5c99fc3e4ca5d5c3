// The 2025 generation of the protocol keeps a session between requests. A session id never authenticates: it is looked
// up together with who asks, and another user's is as good as none.
import { randomBytes } from 'node:crypto'
import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node'
import type { Server } from '@modelcontextprotocol/server'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../domain/clock.ts'
import type { Principal } from '../domain/principal.ts'
import { principalOf } from './caller.ts'
import { createEventStore } from './event-store.ts'

export type SessionLimits = { total: number; perUser: number; idleMs: number }

export const SESSION_LIMITS: SessionLimits = { total: 1000, perUser: 32, idleMs: 30 * 60_000 }

type Session = {
  id: string
  owner: string
  userId: string
  grantId: string
  transport: NodeStreamableHTTPServerTransport
  server: Server
  /** Requests and streams open now; a session in use is not idle, however long it is silent. */
  open: number
  usedAt: number
}

type Rooms = { createServer: () => Server; clock: Clock; replica: string; limits: SessionLimits }

const ownerOf = ({ userId, clientId }: Principal): string => JSON.stringify([userId, clientId])

export function createSessions({ createServer, clock, replica, limits }: Rooms) {
  const sessions = new Map<string, Session>()

  async function end(session: Session): Promise<void> {
    sessions.delete(session.id)
    // A stream that breaks while it is being closed is closed.
    await session.server.close().catch(() => {})
  }

  const idle = (session: Session) => session.open === 0
  const longestIdle = (among: Session[]): Session | undefined =>
    among.filter(idle).sort((a, b) => a.usedAt - b.usedAt)[0]

  async function sweep(): Promise<void> {
    const expired = [...sessions.values()].filter((one) => idle(one) && clock.now() - one.usedAt > limits.idleMs)
    await Promise.all(expired.map(end))
  }

  /** False when every session that could make place is in use. */
  async function makeRoom(userId: string): Promise<boolean> {
    await sweep()
    const own = [...sessions.values()].filter((session) => session.userId === userId)
    if (own.length < limits.perUser && sessions.size < limits.total) return true
    const victim = longestIdle(own.length >= limits.perUser ? own : [...sessions.values()])
    if (victim) await end(victim)
    return victim !== undefined
  }

  async function handle(session: Session, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    session.open++
    reply.raw.once('close', () => {
      session.open--
      session.usedAt = clock.now()
    })
    await session.transport.handleRequest(request.raw, reply.raw, request.body)
  }

  return {
    /** The session of this id if it is the asker's own. */
    find(id: string, principal: Principal): Session | undefined {
      const session = sessions.get(id)
      return session?.owner === ownerOf(principal) ? session : undefined
    },

    handle,
    makeRoom,
    sweep,

    /** Serves an `initialize`. The id names the replica that keeps the session, so that a router can find it. */
    async start(request: FastifyRequest, reply: FastifyReply): Promise<void> {
      const principal = principalOf(request.raw)
      const server = createServer()
      const id = `${replica}.${randomBytes(24).toString('base64url')}`
      const transport = new NodeStreamableHTTPServerTransport({
        sessionIdGenerator: () => id,
        onsessioninitialized: () => void sessions.set(id, session),
        onsessionclosed: () => void sessions.delete(id),
        eventStore: createEventStore(),
        retryInterval: 1000,
      })
      const { userId, grantId } = principal
      const session: Session = { id, owner: ownerOf(principal), userId, grantId, transport, server, open: 0, usedAt: 0 }
      await server.connect(transport)
      await handle(session, request, reply)
      if (!sessions.has(id)) await server.close()
    },

    /** Closes the streams of who has lost access; the next request is refused by the bearer check anyway. */
    async endWhere(lost: (session: { userId: string; grantId: string }) => boolean): Promise<void> {
      await Promise.all([...sessions.values()].filter(lost).map(end))
    },

    async close(): Promise<void> {
      await Promise.all([...sessions.values()].map(end))
    },

    get size(): number {
      return sessions.size
    },
  }
}

export type Sessions = ReturnType<typeof createSessions>
