// Server-sent events that say "look again": no data crosses, the page asks for itself what it may see.
// https://html.spec.whatwg.org/multipage/server-sent-events.html
import type { OutgoingHttpHeaders } from 'node:http'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Door } from './door.ts'
import type { ConsoleRooms } from './rooms.ts'

/** How often a page looks again without cause (ms): about a heartbeat. */
const TICK_MS = 10_000
/** Streams that one session may hold open; a browser with more tabs falls back to asking now and then. */
const STREAMS = 12

export function registerLive(app: FastifyInstance, door: Door, rooms: ConsoleRooms): void {
  const open = new Map<() => void, string>()
  app.addHook('preClose', async () => {
    for (const end of open.keys()) end()
  })

  door.get('/events', async ({ request, reply, session, query }) => {
    const mine = [...open.values()].filter((id) => id === session.id)
    // 204 tells EventSource not to come back.
    if (mine.length >= STREAMS) return reply.code(204).send()
    const topics = await topicsOf(session.workspaceId, query.action)
    const raw = startStream(reply)
    const say = (event: 'change' | 'tick') => raw.write(`event: ${event}\ndata:\n\n`)
    // What cannot be told now (the storage is away) is left to the next tick.
    const quietly = (work: Promise<void>) =>
      void work.catch((error) => rooms.log.warn({ err: error }, 'a page could not be told of news'))
    const stops = topics.map(({ topic, concerns }) =>
      rooms.bus.subscribe(topic, (message) => quietly(concerns(message).then((mine) => void (mine && say('change'))))),
    )
    const tick = async () => {
      if (await rooms.identity.sessionOf(request)) say('tick')
      else end()
    }
    const timer = setInterval(() => quietly(tick()), TICK_MS)
    const end = () => {
      clearInterval(timer)
      for (const stop of stops) stop()
      open.delete(end)
      raw.end()
    }
    open.set(end, session.id)
    raw.on('close', end)
    return reply
  })

  async function topicsOf(workspaceId: string, actionId: string | undefined) {
    const presence = {
      topic: 'presence',
      concerns: async (message: unknown) => {
        const serverId = (message as { server_id?: string }).server_id
        return serverId !== undefined && (await rooms.fleet.get(workspaceId, serverId)) !== undefined
      },
    }
    const actions = {
      topic: 'actions',
      concerns: async (message: unknown) => (message as { workspace_id?: string }).workspace_id === workspaceId,
    }
    if (actionId === undefined) return [presence, actions]
    const { id } = await rooms.approvals.get(workspaceId, actionId)
    return [presence, actions, { topic: `action:${id}`, concerns: async () => true }]
  }
}

/** Headers that other hooks have set (the security headers) go along. */
function startStream(reply: FastifyReply): FastifyReply['raw'] {
  reply.hijack()
  const headers = Object.entries(reply.getHeaders()).filter(([, value]) => value !== undefined)
  reply.raw.writeHead(200, {
    ...(Object.fromEntries(headers) as OutgoingHttpHeaders),
    'content-type': 'text/event-stream',
    'x-accel-buffering': 'no',
  })
  reply.raw.write('retry: 3000\n\n')
  return reply.raw
}
