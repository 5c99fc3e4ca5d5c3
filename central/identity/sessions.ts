// Console sessions: an opaque random value in a cookie, its hash in the database, so that a session can be listed and
// ended from the server's side. A new one is opened at every sign-in and every elevation; the old one ends then.
import type { Clock } from '../domain/clock.ts'
import { createId } from '../domain/ids.ts'
import type { Role } from '../domain/principal.ts'
import type { SessionRow, SessionsStore } from '../storage/sessions.ts'
import { digest, type Keyring, randomToken } from './keyring.ts'

const IDLE = 12 * 3_600_000
const ABSOLUTE = 7 * 24 * 3_600_000
/** How stale last_seen_at may be: one write a minute, not one a request. */
const SEEN_EVERY = 60_000

/** Whatever has headers: a Fastify request, or node's own. */
export type HasHeaders = { headers: { cookie?: string | undefined; 'user-agent'?: string | undefined } }

export type SessionView = {
  id: string
  userId: string
  email: string
  workspaceId: string
  role: Role
  /** When the person last proved who they are, and how (RFC 8176 words, and "recovery"). */
  authenticatedAt: number
  amr: string[]
  /** Hidden field `csrf` of every form of this session. */
  csrf: string
}

/** A session as its owner sees it in the list. */
export type SessionEntry = { id: string; createdAt: number; lastSeenAt: number; userAgent: string; amr: string[] }

export type Sessions = ReturnType<typeof createSessions>

type Rooms = { store: SessionsStore; keyring: Keyring; clock: Clock; publicUrl: string }

export function createSessions({ store, keyring, clock, publicUrl }: Rooms) {
  const cookies = createCookies(publicUrl)

  const ended = (row: SessionRow, now: number): boolean => row.expires_at <= now || row.last_seen_at + IDLE <= now

  return {
    /** Ends the session that the request came with and opens a new one. Returns the Set-Cookie header's value. */
    async open(who: { userId: string; amr: string[]; from: HasHeaders }): Promise<string> {
      const token = randomToken()
      const now = clock.now()
      const old = cookies.session.read(who.from)
      const found = old && (await store.find(digest(old)))
      await store.add({
        id: createId('session'),
        hash: digest(token),
        user_id: who.userId,
        created_at: now,
        last_seen_at: now,
        expires_at: now + ABSOLUTE,
        authenticated_at: now,
        amr: who.amr,
        user_agent: (who.from.headers['user-agent'] ?? '').slice(0, 300),
      })
      if (found) await store.remove(found.session.user_id, found.session.id)
      return cookies.session.set(token, ABSOLUTE)
    },

    async of(request: HasHeaders): Promise<SessionView | undefined> {
      const token = cookies.session.read(request)
      const found = token && (await store.find(digest(token)))
      if (!found) return undefined
      const { session, email, workspaceId, role } = found
      const now = clock.now()
      if (ended(session, now)) {
        await store.remove(session.user_id, session.id)
        return undefined
      }
      if (session.last_seen_at + SEEN_EVERY <= now) await store.seen(session.id, now)
      return {
        id: session.id,
        userId: session.user_id,
        email,
        workspaceId,
        role,
        authenticatedAt: session.authenticated_at,
        amr: session.amr,
        csrf: keyring.csrfFor(session.id),
      }
    },

    async list(userId: string): Promise<SessionEntry[]> {
      const now = clock.now()
      const rows = await store.list(userId)
      return rows
        .filter((row) => !ended(row, now))
        .map((row) => ({
          id: row.id,
          createdAt: row.created_at,
          lastSeenAt: row.last_seen_at,
          userAgent: row.user_agent,
          amr: row.amr,
        }))
    },

    end: (userId: string, id: string): Promise<boolean> => store.remove(userId, id),
    endAll: (userId: string, except?: string): Promise<void> => store.removeAll(userId, except),
    prune: (): Promise<void> => store.prune(clock.now(), clock.now() - IDLE),
    cookies,
  }
}

/** `__Host-` binds a cookie to this host and to https; plain http exists on localhost alone. */
function createCookies(publicUrl: string) {
  const secure = new URL(publicUrl).protocol === 'https:'
  const attributes = `Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`
  const cookie = (base: string) => {
    const name = secure ? `__Host-${base}` : base
    return {
      name,
      set: (value: string, lifeMs: number) => `${name}=${value}; Max-Age=${Math.floor(lifeMs / 1000)}; ${attributes}`,
      clear: () => `${name}=; Max-Age=0; ${attributes}`,
      read: (request: HasHeaders) => readCookie(request.headers.cookie, name),
    }
  }
  return { session: cookie('mttrly'), step: cookie('mttrly-step') }
}

function readCookie(header: string | undefined, name: string): string | undefined {
  for (const part of (header ?? '').split(';')) {
    const at = part.indexOf('=')
    if (part.slice(0, at).trim() === name) return part.slice(at + 1).trim() || undefined
  }
}
