// The authorization server's endpoints in Fastify. The provider writes the answer itself, so each reply is hijacked;
// bodies are read here, corrected, and handed on as a new stream.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type Provider from 'oidc-provider'
import type { Clock } from '../domain/clock.ts'
import { normaliseClientMetadata } from './client-metadata.ts'
import type { Resource } from './metadata.ts'
import { OAUTH_PATHS, SESSION_COOKIE } from './provider.ts'
import { createRateLimit } from './rate-limit.ts'

const MAX_BODY = 32 * 1024
/** Registrations that one address may make in an hour; a cloud's clients share few addresses. */
export const REGISTRATIONS = { max: 60, windowMs: 3_600_000 }

const HEADERS = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'content-security-policy':
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
}

type Rooms = { provider: Provider; resource: Resource; clock: Clock }

export function registerOAuthRoutes(app: FastifyInstance, { provider, resource, clock }: Rooms): void {
  const answer = provider.callback() as (request: IncomingMessage, response: ServerResponse) => Promise<void>
  const registrations = createRateLimit({ ...REGISTRATIONS, clock })
  const { host, protocol } = new URL(resource.issuer)

  /** One setting says where Central is. What the request claims about host, scheme and proxy does not count. */
  const trustedHeaders = (request: FastifyRequest): IncomingMessage['headers'] => {
    const headers: IncomingMessage['headers'] = { ...request.raw.headers, host }
    for (const name of Object.keys(headers)) if (name.startsWith('x-forwarded-')) delete headers[name]
    headers['x-forwarded-proto'] = protocol.slice(0, -1)
    headers['x-forwarded-for'] = request.ip
    headers.cookie = withoutCookie(headers.cookie, SESSION_COOKIE)
    return headers
  }

  async function pass(request: FastifyRequest, reply: FastifyReply, body?: Buffer): Promise<void> {
    reply.hijack()
    for (const [name, value] of Object.entries(HEADERS)) reply.raw.setHeader(name, value)
    const incoming = body === undefined ? request.raw : replayed(request.raw, body)
    incoming.headers = trustedHeaders(request)
    if (body !== undefined) {
      incoming.headers['content-length'] = String(body.length)
      delete incoming.headers['transfer-encoding']
    }
    await answer(incoming, reply.raw)
  }

  const bodyOf = (request: FastifyRequest): Buffer => (Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0))

  app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: MAX_BODY }, (_request, body, done) =>
      done(null, body),
    )

    for (const path of [
      '/.well-known/oauth-authorization-server',
      '/.well-known/openid-configuration',
      OAUTH_PATHS.jwks,
    ]) {
      scope.route({ method: ['GET', 'OPTIONS'], url: path, handler: (request, reply) => pass(request, reply) })
    }
    scope.get(OAUTH_PATHS.authorization, (request, reply) => pass(request, reply))
    scope.get(`${OAUTH_PATHS.authorization}/:uid`, (request, reply) => pass(request, reply))
    for (const path of [OAUTH_PATHS.token, OAUTH_PATHS.revocation]) {
      scope.options(path, (request, reply) => pass(request, reply))
      scope.post(path, (request, reply) => pass(request, reply, withResource(bodyOf(request), resource)))
    }
    scope.post(OAUTH_PATHS.registration, async (request, reply) => {
      if (!registrations.admit(request.ip)) {
        reply.code(429).header('retry-after', '3600')
        return { error: 'temporarily_unavailable', error_description: 'Too many registrations from this address.' }
      }
      const result = normaliseClientMetadata(parseJson(bodyOf(request)), 'registration')
      if ('refused' in result) return reply.code(400).header('cache-control', 'no-store').send(result.refused)
      await pass(request, reply, Buffer.from(JSON.stringify(result.metadata)))
    })
  })

  for (const path of ['/.well-known/oauth-protected-resource/mcp', '/.well-known/oauth-protected-resource']) {
    app.get(path, (_request, reply) =>
      reply
        .header('access-control-allow-origin', '*')
        .header('cache-control', 'public, max-age=300')
        .send(resource.protectedResource),
    )
  }
}

/** The request with a body that can be read again. */
function replayed(raw: IncomingMessage, body: Buffer): IncomingMessage {
  const { method, url, socket, httpVersion, httpVersionMajor, httpVersionMinor, rawHeaders } = raw
  const known = { method, url, socket, httpVersion, httpVersionMajor, httpVersionMinor, rawHeaders, headers: {} }
  return Object.assign(Readable.from(body.length > 0 ? [body] : []), known) as unknown as IncomingMessage
}

/** `resource` ending in a slash is ours, too. */
function withResource(body: Buffer, resource: Resource): Buffer {
  const form = new URLSearchParams(body.toString())
  const given = form.getAll('resource')
  if (given.length === 0 || !given.every(resource.isOurs)) return body
  form.set('resource', resource.resource)
  return Buffer.from(form.toString())
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    return undefined
  }
}

function withoutCookie(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined
  const kept = header.split(';').filter((part) => {
    const cookie = part.trim()
    return !cookie.startsWith(`${name}=`) && !cookie.startsWith(`${name}.sig=`)
  })
  return kept.length === 0 ? undefined : kept.join(';')
}
