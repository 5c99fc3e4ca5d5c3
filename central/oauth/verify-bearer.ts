// Who is behind a bearer token: an access token that this Central signed, or an API key. A signature is checked once a
// token; whether its grant, its person and its role still stand is asked again after at most FRESH, and at once when
// the bus tells of a change.
import type { KeyObject } from 'node:crypto'
import { jwtVerify } from 'jose'
import { z } from 'zod'
import type { Bus } from '../bus/bus.ts'
import type { Clock } from '../domain/clock.ts'
import { type Principal, SCOPES, type Scope } from '../domain/principal.ts'
import { type ApiKeys, looksLikeApiKey } from '../identity/api-keys.ts'
import { digest } from '../identity/keyring.ts'
import type { OAuthStore } from '../storage/oauth.ts'
import { createLru } from './lru.ts'
import type { Resource } from './metadata.ts'

const FRESH = 5_000
const MAX_CACHED = 10_000
const MAX_TOKEN = 8 * 1024

export type BearerRefused = { refused: 'AUTH_FAILED'; why: string }

const Claims = z.object({
  sub: z.string(),
  client_id: z.string(),
  gid: z.string(),
  exp: z.number(),
  scope: z.string().default(''),
})
type Claims = z.infer<typeof Claims>

type Standing = { principal: Principal; endsAt: number } | BearerRefused

type Rooms = {
  store: OAuthStore
  apiKeys: ApiKeys
  bus: Bus
  clock: Clock
  resource: Resource
  publicKey: KeyObject
}

const refuse = (why: string): BearerRefused => ({ refused: 'AUTH_FAILED', why })

/** The broader scope implies the narrower one. */
export const impliedScopes = (scopes: readonly string[]): Scope[] =>
  scopes.includes('execute') ? [...SCOPES] : SCOPES.filter((scope) => scopes.includes(scope))

export function createVerifyBearer({ store, apiKeys, bus, clock, resource, publicKey }: Rooms) {
  const claimsOf = createLru<Claims>(MAX_CACHED)
  const standings = createLru<{ standing: Standing; askedAt: number }>(MAX_CACHED)
  // What was read before a change must not be remembered after it.
  let changes = 0

  const forget = (matches: (principal: Principal) => boolean): void => {
    changes++
    for (const [key, { standing }] of standings.entries()) {
      if ('principal' in standing && matches(standing.principal)) standings.delete(key)
    }
  }
  const textOf = (message: unknown, field: string): unknown => (message as Record<string, unknown>)[field]
  const stop = [
    bus.subscribe('grant_revoked', (message) => forget(({ grantId }) => grantId === textOf(message, 'grant_id'))),
    bus.subscribe('user_disabled', (message) => forget(({ userId }) => userId === textOf(message, 'user_id'))),
  ]

  async function check(token: string, hash: string): Promise<Claims | BearerRefused> {
    const cached = claimsOf.get(hash)
    if (cached) return cached
    try {
      const { payload } = await jwtVerify(token, publicKey, {
        algorithms: ['ES256'],
        typ: 'at+jwt',
        issuer: resource.issuer,
        audience: resource.resource,
        requiredClaims: ['exp', 'sub', 'client_id', 'gid', 'jti'],
        currentDate: new Date(clock.now()),
      })
      const claims = Claims.parse(payload)
      claimsOf.set(hash, claims)
      return claims
    } catch (error) {
      return refuse(
        error instanceof Error && 'code' in error && error.code === 'ERR_JWT_EXPIRED'
          ? 'expired'
          : 'not a token of this server',
      )
    }
  }

  async function grantStanding(claims: Claims): Promise<Standing> {
    const found = await store.grants.find(claims.gid)
    if (!found || found.grant.user_id !== claims.sub || found.grant.client_id !== claims.client_id) {
      return refuse('no such grant')
    }
    const { grant, email, disabledAt, role } = found
    if (grant.revoked_at !== null) return refuse('the grant was revoked')
    if (disabledAt !== null) return refuse('the account is disabled')
    const granted = claims.scope.split(' ').filter((scope) => grant.scopes.some((known) => known === scope))
    const principal: Principal = {
      credential: 'oauth',
      userId: grant.user_id,
      email,
      workspaceId: grant.workspace_id,
      role,
      scopes: impliedScopes(granted),
      clientId: grant.client_id,
      clientName: grant.client_name,
      grantId: grant.id,
      source: 'mcp',
    }
    return { principal, endsAt: claims.exp * 1000 }
  }

  async function keyStanding(key: string): Promise<Standing> {
    const found = await apiKeys.verify(key)
    if (!found) return refuse('no such API key, or it has expired or was revoked')
    const { key: row, email, role } = found
    const principal: Principal = {
      credential: 'api_key',
      userId: row.user_id,
      email,
      workspaceId: row.workspace_id,
      role,
      scopes: impliedScopes(row.scopes),
      clientId: row.id,
      clientName: row.name,
      grantId: row.id,
      source: 'mcp',
    }
    return { principal, endsAt: row.expires_at }
  }

  async function ask(token: string, hash: string): Promise<Standing> {
    if (looksLikeApiKey(token)) return keyStanding(token)
    const claims = await check(token, hash)
    return 'refused' in claims ? claims : grantStanding(claims)
  }

  async function standingOf(token: string): Promise<Standing> {
    const hash = digest(token)
    const cached = standings.get(hash)
    if (cached && cached.askedAt + FRESH > clock.now()) return cached.standing
    const [before, askedAt] = [changes, clock.now()]
    const standing = await ask(token, hash)
    if ('principal' in standing && before === changes) standings.set(hash, { standing, askedAt })
    else standings.delete(hash)
    return standing
  }

  return {
    async verifyBearer(token: string): Promise<Principal | BearerRefused> {
      if (token.length === 0 || token.length > MAX_TOKEN) return refuse('not a token of this server')
      const standing = await standingOf(token)
      if ('refused' in standing) return standing
      return standing.endsAt > clock.now() ? standing.principal : refuse('expired')
    },
    stop: (): void => {
      for (const unsubscribe of stop) unsubscribe()
    },
  }
}
