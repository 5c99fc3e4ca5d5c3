// Who may send a browser here. Both checks stand before authentication: a page that is not on the list learns nothing,
// not even whether its token is good.
import type { FastifyReply, FastifyRequest } from 'fastify'

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])

function hostnameOf(url: string): string | undefined {
  try {
    return new URL(url).hostname
  } catch {
    return undefined
  }
}

/**
 * DNS rebinding reaches a Central on the person's own machine under a foreign name. A public Central is reached under
 * whatever name its proxy uses, and is protected by the bearer token alone.
 */
export function createHostCheck(publicUrl: string): (host: string | undefined) => boolean {
  const local = LOOPBACK.has(hostnameOf(publicUrl) ?? '')
  const usual = publicUrl.replace(/^https?:\/\//, '')
  return (host) => !local || host === usual || LOOPBACK.has(hostnameOf(`http://${host}`) ?? '')
}

/**
 * Exact comparison of serialised origins (RFC 6454 section 6.2), port and scheme included; `null` is never on the list.
 * A request without Origin comes from no browser and passes on to the bearer check.
 */
export function createOriginCheck(allowed: readonly string[]): (origin: string | undefined) => boolean {
  const list = new Set(allowed.filter((origin) => origin !== 'null'))
  return (origin) => origin === undefined || list.has(origin)
}

const ALLOW_HEADERS = [
  'authorization',
  'content-type',
  'accept',
  'last-event-id',
  'mcp-protocol-version',
  'mcp-session-id',
  'mcp-method',
  'mcp-name',
  'mttrly-contract-version',
].join(', ')
const EXPOSE_HEADERS = 'WWW-Authenticate, Mcp-Session-Id, MCP-Protocol-Version, X-Request-Id, Retry-After'

export function allowOrigin(reply: FastifyReply, origin: string): void {
  reply.header('access-control-allow-origin', origin).header('access-control-expose-headers', EXPOSE_HEADERS)
}

export const isPreflight = (request: FastifyRequest): boolean =>
  request.method === 'OPTIONS' &&
  request.headers.origin !== undefined &&
  request.headers['access-control-request-method'] !== undefined

export const answerPreflight = (reply: FastifyReply): FastifyReply =>
  reply
    .code(204)
    .header('access-control-allow-methods', 'GET, POST, DELETE')
    .header('access-control-allow-headers', ALLOW_HEADERS)
    .header('access-control-max-age', '600')
    .send()
