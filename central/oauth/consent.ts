// The moment at which a person lets a client act for them. Asked each time, for this person and this client; what is
// granted becomes a grant that can be listed and revoked.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type Provider from 'oidc-provider'
import { errors } from 'oidc-provider'
import type { Clock } from '../domain/clock.ts'
import { SCOPES, type Scope } from '../domain/principal.ts'
import type { SessionView } from '../identity/identity.ts'
import type { OAuthGrantRow, OAuthStore } from '../storage/oauth.ts'
import { isLoopback, shortName } from './client-metadata.ts'
import type { GrantLog } from './grant-log.ts'
import { acrOf } from './provider.ts'
import { impliedScopes } from './verify-bearer.ts'

/** Letting a client act needs somebody who signed in this recently. */
const EXECUTE_FRESH = 3_600_000

export type Pair = { request: IncomingMessage; response: ServerResponse }

/** What the page must show. Names are the client's own words, not facts; hosts are facts. */
export type ConsentRequest = {
  uid: string
  clientId: string
  clientName: string
  /** Host of the document that the client describes itself in; undefined for a registered client. */
  documentHost: string | undefined
  redirectUri: string
  /** Host of the redirect, or the scheme of an application. */
  redirectHost: string
  /** Any program on the person's machine could be behind it. */
  loopback: boolean
  scopes: Scope[]
  /** The client stays connected until the grant is revoked. */
  lasting: boolean
  /** The session is too old for what is asked, or the client wants a new sign-in. */
  signInAgain: boolean
  /** What the page's form-action must allow beside 'self': the browser follows the redirect to the client. */
  formAction: string
}

export type ConsentDecision = { allow: true; scopes: readonly Scope[] } | { allow: false }

type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>

export type Consent = ReturnType<typeof createConsent>

export function createConsent(rooms: {
  provider: Provider
  store: OAuthStore
  grantLog: GrantLog
  clock: Clock
  resource: string
}) {
  const { provider, store, grantLog, clock, resource } = rooms

  /** undefined: there is no such request (any more) in this browser. */
  async function interactionOf({ request, response }: Pair, uid: string): Promise<Interaction | undefined> {
    try {
      const details = await provider.interactionDetails(request, response)
      return details.uid === uid && !details.result ? details : undefined
    } catch (error) {
      if (error instanceof errors.SessionNotFound) return undefined
      throw error
    }
  }

  const textOf = (details: Interaction, name: string): string => {
    const value = details.params[name]
    return typeof value === 'string' ? value : ''
  }
  const wordsOf = (details: Interaction, name: string): string[] => textOf(details, name).split(' ').filter(Boolean)

  const askedScopes = (details: Interaction): Scope[] =>
    SCOPES.filter((scope) => wordsOf(details, 'scope').includes(scope))

  function tooOld(details: Interaction, session: SessionView): boolean {
    const age = clock.now() - session.authenticatedAt
    const maxAge =
      details.params.max_age === undefined ? Number.POSITIVE_INFINITY : Number(details.params.max_age) * 1000
    const newSignIn = wordsOf(details, 'prompt').includes('login') && session.authenticatedAt < details.iat * 1000
    return newSignIn || age > maxAge || (askedScopes(details).includes('execute') && age > EXECUTE_FRESH)
  }

  async function describe(details: Interaction, session: SessionView): Promise<ConsentRequest> {
    const clientId = textOf(details, 'client_id')
    const client = await provider.Client.find(clientId)
    const redirect = new URL(textOf(details, 'redirect_uri'))
    const web = redirect.protocol === 'http:' || redirect.protocol === 'https:'
    return {
      uid: details.uid,
      clientId,
      clientName: shortName(client?.clientName),
      documentHost: clientId.startsWith('https://') ? new URL(clientId).host : undefined,
      redirectUri: redirect.href,
      redirectHost: web ? redirect.host : redirect.protocol,
      loopback: isLoopback(redirect),
      scopes: askedScopes(details),
      lasting: client?.grantTypeAllowed('refresh_token') ?? false,
      signInAgain: tooOld(details, session),
      // CSP has no way to write an IPv6 address, so its scheme stands for it.
      formAction: web && !redirect.hostname.startsWith('[') ? redirect.origin : redirect.protocol,
    }
  }

  async function grantFor(details: Interaction, session: SessionView, scopes: readonly Scope[]): Promise<string> {
    const clientId = textOf(details, 'client_id')
    const client = await provider.Client.find(clientId)
    const grant = new provider.Grant({ accountId: session.userId, clientId })
    grant.addOIDCScope(wordsOf(details, 'scope').filter((word) => word === 'openid' || word === 'offline_access'))
    grant.addResourceScope(resource, [...scopes])
    const refused = askedScopes(details).filter((scope) => !scopes.includes(scope))
    if (refused.length > 0) grant.rejectResourceScope(resource, refused)
    const id = await grant.save()
    const row: OAuthGrantRow = {
      id,
      user_id: session.userId,
      workspace_id: session.workspaceId,
      client_id: clientId,
      client_name: shortName(client?.clientName),
      scopes: impliedScopes(scopes),
      created_at: clock.now(),
      last_used_at: null,
      revoked_at: null,
    }
    // Nothing can be done with the grant before its row is there.
    await grantLog.given(row, session)
    await store.grants.add(row)
    return id
  }

  return {
    async show(pair: Pair, uid: string, session: SessionView): Promise<ConsentRequest | undefined> {
      const details = await interactionOf(pair, uid)
      return details && describe(details, session)
    },

    /** Whether such a request waits in this browser; asked before anybody has signed in. */
    waits: async (pair: Pair, uid: string): Promise<boolean> => (await interactionOf(pair, uid)) !== undefined,

    /**
     * Returns the path to go on at. 'sign_in_again' and 'gone' change nothing. Granting nothing of what was asked is a
     * refusal.
     */
    async decide(
      pair: Pair,
      uid: string,
      session: SessionView,
      decision: ConsentDecision,
    ): Promise<{ next: string } | 'gone' | 'sign_in_again'> {
      const details = await interactionOf(pair, uid)
      if (!details) return 'gone'
      const scopes = decision.allow ? askedScopes(details).filter((scope) => decision.scopes.includes(scope)) : []
      if (scopes.length > 0 && tooOld(details, session)) return 'sign_in_again'
      const result =
        scopes.length === 0
          ? { error: 'access_denied', error_description: 'The person refused.' }
          : {
              login: {
                accountId: session.userId,
                amr: session.amr,
                acr: acrOf(session.amr),
                ts: Math.floor(session.authenticatedAt / 1000),
                remember: false,
              },
              consent: { grantId: await grantFor(details, session, scopes) },
            }
      const returnTo = await provider.interactionResult(pair.request, pair.response, result, {
        mergeWithLastSubmission: false,
      })
      return { next: new URL(returnTo).pathname }
    },
  }
}
