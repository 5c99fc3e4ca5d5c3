// From the link's bytes to the capabilities and back: decodes, calls the handler, encodes; what changes the host goes
// through the journal. Made by app.ts.
import { CatalogueError } from '#proto/contract/errors.ts'
import { isGranted, type MethodCodecs, methodCodecs } from '#proto/contract/methods.ts'
import type { CapabilityContext, GrantedHandler } from './capabilities/handlers.ts'
import type { createCapabilities } from './capabilities/index.ts'
import type { GrantedWork, Journal, JournalAnswer } from './journal/journal.ts'
import type { Handle } from './link/dispatch.ts'

type Capabilities = ReturnType<typeof createCapabilities>
type Plain = (request: unknown, ctx: CapabilityContext) => Promise<unknown>
// Handlers are looked up by a name that came over the wire; the method map has made sure that message and handler agree.
type Granted = GrantedHandler<'commands.act'>
type Found = { codecs: MethodCodecs; handler: unknown }

const decode = ({ codecs }: Found, body: Buffer): never => {
  try {
    return codecs.request.decode(body) as never
  } catch (error) {
    throw new CatalogueError('VALIDATION_ERROR', { reason: 'message' }, { cause: error })
  }
}
const encoded = ({ codecs }: Found, response: unknown): JournalAnswer => ({
  kind: 'body',
  body: codecs.response.encode(response),
})

/** @throws CatalogueError AGENT_OUTDATED for a method that this agent does not know */
function find(capabilities: Capabilities, method: string): Found {
  const [capability = '', verb = ''] = method.split('.')
  const codecs = methodCodecs.get(method)
  const handlers = Object.entries(capabilities).find(([name]) => name === capability)?.[1]
  const handler = Object.entries(handlers ?? {}).find(([name]) => name === verb)?.[1]
  if (!codecs || !handler) throw new CatalogueError('AGENT_OUTDATED', { method })
  return { codecs, handler }
}

/** The granted methods over bytes, for the journal. */
export function grantedWork(capabilities: Capabilities): GrantedWork<CapabilityContext> {
  const granted = (method: string): { found: Found; work: Granted } => {
    const found = find(capabilities, method)
    return { found, work: found.handler as Granted }
  }
  return {
    identity(method, body) {
      const { found, work } = granted(method)
      return work.identity(decode(found, body))
    },
    async run(method, body, ctx) {
      const { found, work } = granted(method)
      return encoded(found, await work.run(decode(found, body), ctx))
    },
    async settle(method, body, ctx) {
      const { found, work } = granted(method)
      return encoded(found, await work.settle(decode(found, body), ctx))
    },
    async forget(method, bodies) {
      const { found, work } = granted(method)
      await work.forget(bodies.map((body) => decode(found, body)))
    },
  }
}

export const createHandle =
  (rooms: { capabilities: Capabilities; journal: Journal<CapabilityContext>; clock: { now(): number } }): Handle =>
  async (request, ctx) => {
    const found = find(rooms.capabilities, request.method)
    if (isGranted(request.method)) return rooms.journal.perform(request, ctx)
    if (rooms.clock.now() > request.startBefore)
      throw new CatalogueError('TIMEOUT', { reason: 'start_before', started: false })
    return encoded(found, await (found.handler as Plain)(decode(found, request.body), ctx))
  }
