// The OAuth 2.1 authorization server, and the check of every bearer token. Clients describe themselves by a document
// or register; a person consents in the console; tokens are bound to the one resource, /mcp, and die with their grant.
// Imported by mcp (verifyBearer, challenge), the console's pages (consent, grants) and app.ts.
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import type { Bus } from '../bus/bus.ts'
import type { Clock } from '../domain/clock.ts'
import type { Scope } from '../domain/principal.ts'
import type { Identity } from '../identity/identity.ts'
import type { OAuthStore } from '../storage/oauth.ts'
import type { ClientDocumentSettings } from './client-documents.ts'
import { createConsent } from './consent.ts'
import { createGrantLog } from './grant-log.ts'
import { createResource } from './metadata.ts'
import { createProvider, type ErrorPage } from './provider.ts'
import { registerOAuthRoutes } from './routes.ts'
import { readSigningKey } from './signing-key.ts'
import { createVerifyBearer } from './verify-bearer.ts'

export type { ConsentDecision, ConsentRequest } from './consent.ts'
export { createSigningKey } from './signing-key.ts'
export type { BearerRefused } from './verify-bearer.ts'

export type GrantView = {
  id: string
  clientId: string
  clientName: string
  scopes: Scope[]
  createdAt: number
  lastUsedAt: number | null
}

export type OAuthRooms = {
  store: OAuthStore
  audit: Parameters<typeof createGrantLog>[0]
  identity: Identity
  bus: Bus
  clock: Clock
  log: Logger
  publicUrl: string
  /** PKCS #8 PEM of a P-256 key; `createSigningKey` makes one. */
  signingKey: string | Buffer
  clientDocuments: ClientDocumentSettings
  allowedOrigins: readonly string[]
  renderError: ErrorPage
}

export type OAuth = ReturnType<typeof createOAuth>

export function createOAuth(rooms: OAuthRooms) {
  const { store, identity, bus, clock, log, clientDocuments, allowedOrigins, renderError } = rooms
  const resource = createResource(rooms.publicUrl)
  const signingKey = readSigningKey(rooms.signingKey)

  /** The grant and all that was issued under it; heard by every replica. */
  async function revokeGrant(grantId: string): Promise<void> {
    if (await store.grants.revoke(grantId, clock.now())) bus.publish('grant_revoked', { grant_id: grantId })
  }

  const grantLog = createGrantLog(rooms.audit)

  /** What the client asked for, or what followed from a code or token that was used twice. */
  async function revokeForClient(grantId: string): Promise<void> {
    const found = await store.grants.find(grantId)
    if (found?.grant.revoked_at === null) await grantLog.revoked(found.grant, found.email)
    await revokeGrant(grantId)
  }

  const provider = createProvider({
    store,
    clock,
    log,
    resource,
    signingKey,
    cookieKey: identity.keyring.derive('oauth cookies').toString('base64url'),
    isEnabled: identity.accounts.isEnabled,
    revokeGrant: revokeForClient,
    clientDocuments,
    allowedOrigins,
    renderError,
  })
  const { apiKeys } = identity
  const bearer = createVerifyBearer({ store, apiKeys, bus, clock, resource, publicKey: signingKey.publicKey })

  async function listGrants(userId: string): Promise<GrantView[]> {
    const rows = await store.grants.list(userId)
    return rows.map((row) => ({
      id: row.id,
      clientId: row.client_id,
      clientName: row.client_name,
      scopes: row.scopes,
      createdAt: row.created_at,
      lastUsedAt: row.last_used_at,
    }))
  }

  return {
    /** Mounts the endpoints, both metadata documents of the server and both of the resource. */
    register: (app: FastifyInstance): void => registerOAuthRoutes(app, { provider, resource, clock }),
    verifyBearer: bearer.verifyBearer,
    /** Value of WWW-Authenticate for a 401 (no reason, or invalid_token) or a 403 (insufficient_scope). */
    challenge: resource.challenge,
    /** The resource's identifier: issuer + /mcp. */
    resource: resource.resource,
    consent: createConsent({ provider, store, grantLog, clock, resource: resource.resource }),

    grants: {
      list: listGrants,
      /** `false`: it is none of this person's. */
      async revoke(userId: string, grantId: string): Promise<boolean> {
        const mine = (await store.grants.find(grantId))?.grant.user_id === userId
        if (mine) await revokeGrant(grantId)
        return mine
      },
      async revokeAll(userId: string): Promise<void> {
        for (const { id } of await listGrants(userId)) await revokeGrant(id)
      },
    },

    /** Removes what expired: codes, tokens, unused clients. Called now and then. */
    prune: (): Promise<void> => store.records.prune(clock.now()),
    stop: bearer.stop,
  }
}
