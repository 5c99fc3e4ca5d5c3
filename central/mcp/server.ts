// One server object from the surface. The SDK's low-level Server on purpose: its McpServer registers every tool anew
// and converts every schema anew for each request of the stateless protocol.
import {
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
  Server,
  type ServerCapabilities,
} from '@modelcontextprotocol/server'
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/server/validators/ajv'
import { INSTRUCTIONS } from './instructions.ts'
import type { Surface } from './surface.ts'

/** The lists change with a release alone; five minutes bound how long a client believes the last one. */
const CACHE = { ttlMs: 300_000, cacheScope: 'private' } as const

const CAPABILITIES: ServerCapabilities = { tools: {}, prompts: {}, resources: {} }

/** Used for elicitation forms alone, which our tools never send; one for all, since making one is slow. */
const jsonSchemaValidator = new AjvJsonSchemaValidator()

export type ServerIdentity = { name: string; title: string; version: string; websiteUrl: string }

export function createServerFactory(surface: Surface, identity: ServerIdentity): () => Server {
  const lists = {
    tools: surface.tools.map(({ listed }) => listed),
    prompts: surface.prompts.map(({ listed }) => listed),
    resources: surface.resources.map(({ listed }) => listed),
    resourceTemplates: [...surface.templates],
  }
  const tools = new Map(surface.tools.map((tool) => [tool.listed.name, tool]))
  const prompts = new Map(surface.prompts.map((prompt) => [prompt.listed.name, prompt]))
  const resources = new Map(surface.resources.map((resource) => [resource.listed.uri, resource]))

  function onLists(server: Server): void {
    server.setRequestHandler('tools/list', ({ params }) => onePage({ tools: lists.tools }, params?.cursor))
    server.setRequestHandler('prompts/list', ({ params }) => onePage({ prompts: lists.prompts }, params?.cursor))
    server.setRequestHandler('resources/list', ({ params }) => onePage({ resources: lists.resources }, params?.cursor))
    server.setRequestHandler('resources/templates/list', ({ params }) =>
      onePage({ resourceTemplates: lists.resourceTemplates }, params?.cursor),
    )
  }

  function onUse(server: Server): void {
    server.setRequestHandler('tools/call', ({ params }, ctx) => {
      const args = params.arguments ?? {}
      const tool = tools.get(params.name)
      if (tool) return tool.call(args, ctx, server)
      return surface.refuseOther?.(params.name, args, ctx) ?? Promise.reject(unknown('tool', params.name))
    })
    server.setRequestHandler('prompts/get', ({ params }, ctx) => {
      const prompt = prompts.get(params.name)
      if (!prompt) throw unknown('prompt', params.name)
      return prompt.get(params.arguments ?? {}, ctx)
    })
    server.setRequestHandler('resources/read', ({ params }) => {
      const found = resources.get(params.uri)?.read() ?? surface.readOther?.(params.uri)
      if (!found) throw new ResourceNotFoundError(params.uri)
      return found
    })
  }

  return () => {
    const server = new Server(identity, {
      capabilities: CAPABILITIES,
      instructions: INSTRUCTIONS,
      jsonSchemaValidator,
      cacheHints: {
        'tools/list': CACHE,
        'prompts/list': CACHE,
        'resources/list': CACHE,
        'resources/templates/list': CACHE,
        'resources/read': CACHE,
        'server/discover': CACHE,
      },
    })
    surface.install?.(server)
    onLists(server)
    onUse(server)
    return server
  }
}

/** Everything fits one page, so no cursor was ever given out. */
function onePage<T>(page: T, cursor: string | undefined): T {
  if (cursor !== undefined) throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'Unknown cursor')
  return page
}

const unknown = (what: string, name: string) =>
  new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown ${what}: ${name.slice(0, 128)}`)
