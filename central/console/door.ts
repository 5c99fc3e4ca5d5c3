// The door of every console page: who is there, is the form ours, what is said when something is refused. A page that
// goes through it has a session, a POST has been made by this site's own form, and nothing is kept by caches.
import { timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { html } from 'ghtml'
import { CatalogueError, ERRORS, wordsOf } from '#proto/contract/errors.ts'
import type { Principal } from '../domain/principal.ts'
import { notice } from './format.ts'
import { type Page, page } from './layout.ts'
import type { ConsoleRooms, Session } from './rooms.ts'

/** One request of a person who is signed in. */
export type Visit = {
  request: FastifyRequest
  reply: FastifyReply
  session: Session
  /** Fields of the form; empty for GET. A field given twice counts as its last value. */
  form: Readonly<Record<string, string>>
  params: Readonly<Record<string, string>>
  query: Readonly<Record<string, string>>
}

/** What a handler answers: a page, an address to go to (303), JSON, or a reply that it has sent itself. */
export type Answer =
  | { page: Omit<Page, 'session' | 'pending'>; status?: number }
  | { to: string }
  | { json: unknown }
  | FastifyReply

export type Handler = (visit: Visit) => Promise<Answer>

export type Door = { get: (path: string, handler: Handler) => void; post: (path: string, handler: Handler) => void }

/** What the door itself needs; identity's pages go through it, too. */
export type DoorRooms = {
  publicUrl: string
  identity: Pick<ConsoleRooms['identity'], 'sessionOf'>
  approvals: Pick<ConsoleRooms['approvals'], 'list'>
}

export function createDoor(app: FastifyInstance, rooms: DoorRooms): Door {
  const enter = (method: 'GET' | 'POST', path: string, handler: Handler) =>
    app.route({
      method,
      url: path,
      handler: async (request, reply) => {
        reply.header('cache-control', 'no-store')
        const session = await rooms.identity.sessionOf(request)
        if (!session) return reply.redirect(signInUrl(request, rooms.publicUrl), method === 'GET' ? 302 : 303)
        const visit: Visit = {
          request,
          reply,
          session,
          form: textFields(request.body),
          params: textFields(request.params),
          query: textFields(request.query),
        }
        try {
          if (method === 'POST') mustBeOurForm(visit, rooms.publicUrl)
          return await respond(visit, await handler(visit), rooms)
        } catch (error) {
          if (!(error instanceof CatalogueError)) throw error
          return respond(visit, refusalPage(error), rooms)
        }
      },
    })
  return {
    get: (path, handler) => enter('GET', path, handler),
    post: (path, handler) => enter('POST', path, handler),
  }
}

async function respond(visit: Visit, answer: Answer, rooms: DoorRooms): Promise<FastifyReply> {
  const { reply, session } = visit
  if ('to' in answer) return reply.redirect(answer.to, 303)
  if ('json' in answer) return reply.send(answer.json)
  if (!('page' in answer)) return answer
  const pending = await rooms.approvals.list(session.workspaceId, { state: ['pending_approval'], limit: 100 })
  return reply
    .code(answer.status ?? 200)
    .type('text/html; charset=utf-8')
    .send(page({ ...answer.page, session, pending: pending.length }))
}

/** The person of a session, as every other room knows who asks. */
export const principalOf = (session: Session): Principal => ({
  credential: 'session',
  userId: session.userId,
  email: session.email,
  workspaceId: session.workspaceId,
  role: session.role,
  scopes: ['read', 'execute'],
  clientId: 'console',
  clientName: 'Console',
  grantId: session.id,
  source: 'dashboard',
})

/** `next` if it leads to a page of this site, else the front page: nobody is sent elsewhere after signing in. */
export function localPath(next: string | undefined): string {
  if (!next?.startsWith('/')) return '/'
  const base = 'http://console.invalid'
  const url = URL.parse(next, base)
  return url?.origin === base && !url.pathname.startsWith('//') ? url.pathname + url.search : '/'
}

function signInUrl(request: FastifyRequest, publicUrl: string): string {
  const referer = URL.parse(request.headers.referer ?? '')
  const from = referer?.origin === new URL(publicUrl).origin ? referer.pathname + referer.search : '/'
  const next = localPath(request.method === 'GET' ? request.url : from)
  return next === '/' ? '/sign-in' : `/sign-in?next=${encodeURIComponent(next)}`
}

/** A POST must come from a page of this site (Fetch metadata, else Origin) and carry the session's token. */
function mustBeOurForm({ request, session, form }: Visit, publicUrl: string): void {
  if (!sentFromHere(request, publicUrl))
    throw new CatalogueError('FORBIDDEN', { why: 'This form was sent from another site.' })
  if (!sameText(form.csrf ?? '', session.csrf)) {
    throw new CatalogueError('FORBIDDEN', { why: 'This form is from another session. Load the page again and repeat.' })
  }
}

/** https://www.w3.org/TR/fetch-metadata/ ; a browser without it sends Origin with every POST. */
export function sentFromHere(request: FastifyRequest, publicUrl: string): boolean {
  const site = request.headers['sec-fetch-site']
  if (site !== undefined) return site === 'same-origin'
  const { origin } = request.headers
  return origin === undefined || origin === new URL(publicUrl).origin
}

export function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

function textFields(fields: unknown): Record<string, string> {
  if (typeof fields !== 'object' || fields === null) return {}
  const last = (value: unknown) => (Array.isArray(value) ? value.at(-1) : value)
  return Object.fromEntries(
    Object.entries(fields)
      .map(([name, value]) => [name, last(value)] as const)
      .filter((entry): entry is readonly [string, string] => typeof entry[1] === 'string'),
  )
}

function refusalPage({ code, details }: CatalogueError): Answer {
  const why = typeof details.why === 'string' ? details.why : wordsOf(code, details).description
  return {
    status: ERRORS[code].http,
    page: {
      title: 'Refused',
      body: html`<div class="stack narrow"><h1>That did not work</h1>!${notice('bad', html`<p>${why}</p>`)}
<p class="muted small">Code <code>${code}</code></p><p><a href="/">Back to the servers</a></p></div>`,
    },
  }
}
