// Floor and peer of line 1 in one process: a bare Fastify JSON route, and the SDK's own echo server on Fastify, in both
// generations of the protocol, with the transports and response modes that Central uses.
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import Fastify from 'fastify'
import { z } from 'zod'
import { answer } from './process.ts'

const echoSchema = z.object({ text: z.string() })

function createEchoServer(): McpServer {
  const server = new McpServer({ name: 'echo', version: '1' })
  server.registerTool('echo', { description: 'Echoes.', inputSchema: echoSchema }, ({ text }) => ({
    content: [{ type: 'text', text }],
  }))
  return server
}

const sessions = new Map<string, NodeStreamableHTTPServerTransport>()

async function serveLegacy(request: IncomingMessage, response: ServerResponse, body: unknown): Promise<void> {
  const id = request.headers['mcp-session-id']
  const known = typeof id === 'string' ? sessions.get(id) : undefined
  if (known) return known.handleRequest(request, response, body)
  const transport: NodeStreamableHTTPServerTransport = new NodeStreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (made) => void sessions.set(made, transport),
  })
  await createEchoServer().connect(transport)
  await transport.handleRequest(request, response, body)
}

const serveModern = toNodeHandler(createMcpHandler(createEchoServer, { legacy: 'reject', responseMode: 'sse' }))

const app = Fastify()
app.post('/bare', async (request) => ({ echoed: (request.body as { text?: string }).text }))
app.post('/mcp', async (request, reply) => {
  reply.hijack()
  const modern = request.headers['mcp-protocol-version'] === '2026-07-28'
  await (modern ? serveModern : serveLegacy)(request.raw, reply.raw, request.body)
})
await app.listen({ host: '127.0.0.1', port: 0 })

answer({ port: () => (app.server.address() as AddressInfo).port })
