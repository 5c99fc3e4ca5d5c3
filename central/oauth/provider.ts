// oidc-provider, set up for MCP clients. What differs from its defaults, and why, stands beside each setting.
import Provider, { type Configuration, errors, type KoaContextWithOIDC } from 'oidc-provider'
import type { Logger } from 'pino'
import type { Clock } from '../domain/clock.ts'
import { SCOPES } from '../domain/principal.ts'
import type { OAuthStore } from '../storage/oauth.ts'
import { createAdapter, USED_CLIENT_LIFE } from './adapter.ts'
import { type ClientDocumentSettings, createClientDocuments } from './client-documents.ts'
import { GRANT_TYPES } from './client-metadata.ts'
import type { Resource } from './metadata.ts'
import type { readSigningKey } from './signing-key.ts'

const MINUTE = 60
const DAY = 24 * 60 * MINUTE

/** Claude Code refreshes when 300 s or less remain: a shorter life would mean a refresh on every connection. */
const ACCESS_TOKEN_LIFE = 15 * MINUTE

export const OAUTH_PATHS = {
  authorization: '/oauth/authorize',
  token: '/oauth/token',
  registration: '/oauth/register',
  revocation: '/oauth/revoke',
  jwks: '/oauth/jwks',
} as const

export const SESSION_COOKIE = 'mttrly-oauth'

/** How sure one can be of who signed in; `acr` in tokens. */
const ACR = { single: 'urn:mttrly:acr:single', multi: 'urn:mttrly:acr:multi' } as const
export const acrOf = (amr: readonly string[]): string => (amr.includes('mfa') ? ACR.multi : ACR.single)

export type ErrorPage = (error: { code: string; description: string | undefined }) => string

type Rooms = {
  store: OAuthStore
  clock: Clock
  log: Logger
  resource: Resource
  signingKey: ReturnType<typeof readSigningKey>
  cookieKey: string
  isEnabled: (userId: string) => Promise<boolean>
  revokeGrant: (grantId: string) => Promise<void>
  clientDocuments: ClientDocumentSettings
  /** Origins of browser clients that may use the token endpoint. */
  allowedOrigins: readonly string[]
  /** A page for what cannot be sent back to the client. */
  renderError: ErrorPage
}

export function createProvider(rooms: Rooms): Provider {
  const provider = new Provider(rooms.resource.issuer, configuration(rooms))
  // Host, scheme and address come from what oauth's own routes put there, never from the request.
  provider.proxy = true
  provider.use(async (ctx, next) => {
    if (ctx.path === OAUTH_PATHS.authorization) ctx.query = completed(ctx.query, rooms.resource)
    await next()
    if (ctx.path.startsWith('/.well-known/') && ctx.status === 200) {
      // A client that takes its scopes from here must find ours too; responses come as a query alone.
      const scopes_supported = [...SCOPES, 'offline_access', 'openid']
      ctx.body = { ...(ctx.body as object), scopes_supported, response_modes_supported: ['query'] }
    }
  })
  provider.on('server_error', (_ctx, error) => rooms.log.error({ err: error }, 'authorization server fault'))
  return provider
}

type Query = Record<string, string | string[] | undefined>

/** A request without any of our scopes means all of them: the person can grant fewer. */
function completed(query: Query, resource: Resource): Query {
  const scopes = typeof query.scope === 'string' ? query.scope.split(' ').filter(Boolean) : []
  const repeated = Array.isArray(query.scope)
  const asks = repeated || scopes.some((scope) => SCOPES.some((known) => known === scope))
  const indicator = query.resource
  return {
    ...query,
    ...(asks ? {} : { scope: [...SCOPES, ...scopes].join(' ') }),
    // Refused under a name that the provider does not know: the error, too, must come back as a query.
    ...(query.response_mode === undefined || query.response_mode === 'query' ? {} : { response_mode: 'unsupported' }),
    ...(typeof indicator === 'string' && resource.isOurs(indicator) ? { resource: resource.resource } : {}),
  }
}

function configuration(rooms: Rooms): Configuration {
  const { store, clock, log, resource, signingKey, revokeGrant, renderError } = rooms
  const documents = createClientDocuments({ ...rooms.clientDocuments, clock })

  /** Notes the use of grant and client while the token is made; what is used is not cleaned away. */
  async function noteUse(grantId: string | undefined, clientId: string | undefined): Promise<void> {
    if (grantId) await store.grants.used(grantId, clock.now())
    if (clientId) await store.records.expireAt('Client', clientId, clock.now() + USED_CLIENT_LIFE)
  }

  return {
    adapter: createAdapter({ store, clock, log, revokeGrant }),
    jwks: { keys: [signingKey.jwk] },
    routes: OAUTH_PATHS,
    scopes: ['openid', 'offline_access'],
    acrValues: Object.values(ACR),
    responseTypes: ['code'],
    clientAuthMethods: ['none'],
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    clientDefaults: {
      // Loopback redirects have a port that nobody knows before; only native clients may vary it.
      application_type: 'native',
      grant_types: GRANT_TYPES,
      response_types: ['code'],
      response_modes: ['query'],
      token_endpoint_auth_method: 'none',
      id_token_signed_response_alg: 'ES256',
    },
    pkce: { required: () => true },
    allowOmittingSingleRegisteredRedirectUri: false,
    cookies: {
      names: { session: SESSION_COOKIE, interaction: 'mttrly-consent', resume: 'mttrly-resume' },
      keys: [rooms.cookieKey],
      long: { httpOnly: true, sameSite: 'lax', signed: true },
      short: { httpOnly: true, sameSite: 'lax', signed: true },
    },
    ttl: {
      AccessToken: ACCESS_TOKEN_LIFE,
      AuthorizationCode: MINUTE,
      IdToken: ACCESS_TOKEN_LIFE,
      Interaction: 30 * MINUTE,
      // The console's session is what counts; this one lives from consent to redirect.
      Session: 5 * MINUTE,
      RefreshToken: 30 * DAY,
      Grant: 365 * DAY,
    },
    features: {
      devInteractions: { enabled: false },
      dPoP: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: false },
      // A token of somebody else's is left alone, and nobody is told.
      revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
      registration: { enabled: true, issueRegistrationAccessToken: false },
      clientIdMetadataDocument: {
        enabled: rooms.clientDocuments.enabled,
        ack: 'draft-02',
        allowFetch: (ctx: KoaContextWithOIDC, clientId: string) => documents.allowFetch(clientId, ctx.ip),
        allowClient: (_ctx: KoaContextWithOIDC, client: { clientId: string }) => documents.allowClient(client.clientId),
      },
      resourceIndicators: {
        enabled: true,
        // Clients that leave `resource` out, at the one endpoint or the other, mean the only resource there is.
        defaultResource: () => resource.resource,
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, indicator) => {
          if (!resource.isOurs(indicator)) throw new errors.InvalidTarget()
          return {
            audience: resource.resource,
            scope: SCOPES.join(' '),
            accessTokenFormat: 'jwt',
            accessTokenTTL: ACCESS_TOKEN_LIFE,
            jwt: { sign: { alg: 'ES256' } },
          }
        },
      },
    },
    fetch: documents.fetch,
    interactions: { url: (_ctx, interaction) => `/oauth/consent/${interaction.uid}` },
    findAccount: async (_ctx, id) =>
      (await rooms.isEnabled(id)) ? { accountId: id, claims: async () => ({ sub: id }) } : undefined,
    extraTokenClaims: async (ctx, token) => {
      const { RefreshToken, AuthorizationCode } = ctx.oidc.entities
      const source = AuthorizationCode ?? RefreshToken
      const grantId = 'grantId' in token ? token.grantId : undefined
      await noteUse(grantId, token.clientId)
      return { gid: grantId, acr: source?.acr, amr: source?.amr, auth_time: source?.authTime }
    },
    // Sessions of the browser and grants of a client end apart from each other.
    expiresWithSession: () => false,
    issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    clientBasedCORS: (_ctx, origin) => rooms.allowedOrigins.includes(origin),
    renderError: (ctx, out) => {
      ctx.type = 'html'
      ctx.body = renderError({ code: out.error, description: out.error_description })
    },
  }
}
