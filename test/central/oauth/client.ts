// An MCP client's part of the dance, with the person's part beside it.
import { createHash, randomBytes } from 'node:crypto'
import { OWNER, PASSWORD } from '../identity/people.ts'
import { type Browser, createBrowser, fieldOf, type Page } from './browser.ts'
import type { World } from './world.ts'

export type Registered = { client_id: string; redirect_uris: string[]; [key: string]: unknown }
export type Tokens = {
  access_token: string
  refresh_token?: string
  scope: string
  token_type: string
  expires_in: number
}

export const post = (world: World, path: string, form: Record<string, string>, headers: Record<string, string> = {}) =>
  fetch(`${world.publicUrl}${path}`, { method: 'POST', body: new URLSearchParams(form), headers })

export const register = (world: World, body: unknown) =>
  fetch(`${world.publicUrl}/oauth/register`, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  })

export const REDIRECT = 'http://127.0.0.1:51234/callback'

export async function registered(world: World, body: Record<string, unknown> = {}): Promise<Registered> {
  const answer = await register(world, { client_name: 'Test client', redirect_uris: [REDIRECT], ...body })
  if (answer.status !== 201) throw new Error(`${answer.status} ${await answer.text()}`)
  return (await answer.json()) as Registered
}

export const challengeOf = (verifier: string): string => createHash('sha256').update(verifier).digest('base64url')

export type Request = { url: string; verifier: string; state: string }

/** undefined takes a parameter out. */
export function authorizationRequest(
  world: World,
  clientId: string,
  changes: Record<string, string | undefined> = {},
): Request {
  const [verifier, state] = [randomBytes(32).toString('base64url'), randomBytes(8).toString('base64url')]
  const parameters = {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: REDIRECT,
    scope: 'read execute offline_access',
    resource: world.resource,
    state,
    prompt: 'consent',
    code_challenge: challengeOf(verifier),
    code_challenge_method: 'S256',
    ...changes,
  }
  const given = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return { url: `${world.publicUrl}/oauth/authorize?${new URLSearchParams(given)}`, verifier, state }
}

export async function signIn(browser: Browser, next = '/'): Promise<Page> {
  await browser.get('/sign-in')
  const page = await browser.post('/sign-in', { email: OWNER, password: PASSWORD, next })
  if (page.status !== 303) throw new Error(`sign-in answered ${page.status}`)
  return page
}

/** From the client's link to the consent page, signing in on the way. */
export async function toConsent(browser: Browser, request: Request): Promise<Page> {
  const page = await browser.follow(await browser.get(request.url))
  if (!page.url.includes('/sign-in')) return page
  const next = new URL(page.url).searchParams.get('next') ?? '/'
  return browser.follow(await signIn(browser, next))
}

export async function consent(browser: Browser, page: Page, scopes: string[] = ['read', 'execute']): Promise<URL> {
  const form: [string, string][] = [
    ['csrf', fieldOf(page, 'csrf')],
    ['decision', 'allow'],
    ...scopes.map((scope): [string, string] => ['scope', scope]),
  ]
  const answer = await browser.follow(await browser.post(page.url, form))
  if (!answer.location) throw new Error(`no way back to the client: ${answer.status} ${answer.text.slice(0, 500)}`)
  return new URL(answer.location)
}

export async function authorize(
  world: World,
  clientId: string,
  options: { changes?: Record<string, string | undefined>; browser?: Browser; scopes?: string[] } = {},
) {
  const browser = options.browser ?? createBrowser(world.publicUrl)
  const request = authorizationRequest(world, clientId, options.changes)
  const back = await consent(browser, await toConsent(browser, request), options.scopes)
  return { back, request, browser, code: back.searchParams.get('code') ?? '' }
}

export const exchange = (
  world: World,
  clientId: string,
  code: string,
  verifier: string,
  changes: Record<string, string> = {},
) =>
  post(world, '/oauth/token', {
    grant_type: 'authorization_code',
    client_id: clientId,
    code,
    code_verifier: verifier,
    redirect_uri: REDIRECT,
    ...changes,
  })

export const refresh = (world: World, clientId: string, token: string, changes: Record<string, string> = {}) =>
  post(world, '/oauth/token', { grant_type: 'refresh_token', client_id: clientId, refresh_token: token, ...changes })

/** The whole way, for tests about what comes after. */
export async function connected(world: World, options: Parameters<typeof authorize>[2] = {}) {
  const { client_id } = await registered(world)
  const { code, request, browser } = await authorize(world, client_id, options)
  const answer = await exchange(world, client_id, code, request.verifier)
  if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`)
  const tokens = (await answer.json()) as Tokens & { refresh_token: string }
  return { clientId: client_id, tokens, browser, code, request }
}
