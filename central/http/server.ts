// The one HTTP server: Fastify with what every page and endpoint needs. Rooms register their own routes on it. Knows
// nothing of what they do.
import cookie from '@fastify/cookie'
import formbody from '@fastify/formbody'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import fastify, { type FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { CatalogueError } from '#proto/contract/errors.ts'
import { createId } from '../domain/ids.ts'
import { bodyOf, statusOf } from './errors.ts'

const BODY_LIMIT = 64 * 1024
/** Requests a minute and address, over all pages; endpoints with stricter needs set their own. */
const REQUESTS_PER_MINUTE = 1_200

export async function createHttp(options: {
  log: Logger
  https: boolean
  trustProxy: boolean
}): Promise<FastifyInstance> {
  const app = fastify({
    // Requests are logged by route, never by URL: queries carry codes and tokens.
    logger: false,
    bodyLimit: BODY_LIMIT,
    // One proxy: what stands left of its own entry in X-Forwarded-For was written by whoever sent the request.
    trustProxy: options.trustProxy ? (_address, hop) => hop === 0 : false,
    genReqId: () => createId('request'),
    forceCloseConnections: true,
  })
  await app.register(cookie)
  await app.register(formbody, { bodyLimit: BODY_LIMIT })
  await app.register(rateLimit, {
    max: REQUESTS_PER_MINUTE,
    timeWindow: 60_000,
    // It counts by credential, and refusals by address.
    allowList: (request) => request.routeOptions.url === '/mcp',
  })
  await app.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: POLICY },
    strictTransportSecurity: options.https,
    referrerPolicy: { policy: 'no-referrer' },
    xFrameOptions: { action: 'deny' },
  })
  app.addHook('preHandler', async ({ url, body }) => {
    if (url.includes('%00') || hasNul(body)) throw new CatalogueError('VALIDATION_ERROR', { why: 'NUL is not text.' })
  })
  app.setErrorHandler((error, request, reply) => {
    const refusal = bodyOf(error, request.id)
    if (refusal.code === 'INTERNAL_ERROR' || hasCause(error)) {
      options.log.error({ err: error, request_id: request.id, route: request.routeOptions.url }, 'request failed')
    }
    return reply.code(statusOf(error, refusal.code)).send(refusal)
  })
  app.setNotFoundHandler((request, reply) => reply.code(404).send(bodyOf(undefined, request.id)))
  app.get('/healthz', async () => ({ ok: true }))
  return app
}

/** A refusal with a cause is a fault of what stands behind us, such as a full disk: the operator must hear of it. */
const hasCause = (error: unknown): boolean => error instanceof CatalogueError && error.cause !== undefined

/** No field of a form or of our JSON may hold it: PostgreSQL takes no NUL, and nobody types one. */
const hasNul = (body: unknown): boolean =>
  typeof body === 'object' &&
  body !== null &&
  Object.values(body).some((value) => typeof value === 'string' && value.includes('\0'))

const POLICY = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'", 'data:'],
  connectSrc: ["'self'"],
  formAction: ["'self'"],
  frameAncestors: ["'none'"],
  baseUri: ["'none'"],
}
