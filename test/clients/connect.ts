// The person's part when a client connects: from the client's link through sign-in and consent to the client's callback.

import { createBrowser, fieldOf, type Page } from '../central/oauth/browser.ts'
import type { Person } from '../helpers/person.ts'

/** Follows the link as the person in a fresh browser, allows what is asked, and returns where the browser is sent. */
export async function allow(person: Person, link: string, scopes = ['read', 'execute']): Promise<string> {
  const browser = createBrowser(person.url)
  const next = (page: Page) => new URL(page.url).searchParams.get('next') ?? '/'
  const signIn = await browser.follow(await browser.get(link))
  if (!signIn.url.includes('/sign-in')) throw new Error(`no sign-in: ${signIn.status} ${signIn.url} ${signIn.text}`)
  const { email, password } = person
  const second = await browser.follow(await browser.post('/sign-in', { email, password, next: next(signIn) }))
  const form = { code: person.code(), next: next(second) }
  const asked = await browser.follow(await browser.post('/sign-in/second-factor', form))
  if (!asked.url.includes('/consent/')) throw new Error(`no consent page: ${asked.status} ${asked.url} ${asked.text}`)
  const answer = await browser.follow(
    await browser.post(asked.url, [
      ['csrf', fieldOf(asked, 'csrf')],
      ['decision', 'allow'],
      ...scopes.map((scope): [string, string] => ['scope', scope]),
    ]),
  )
  return answer.location ?? Promise.reject(new Error(`no way back: ${answer.status} ${answer.text}`))
}

/** The documents in which clients describe themselves, as their makers publish them. */
const DOCUMENTS: Record<string, object> = {
  'https://claude.ai/oauth/claude-code-client-metadata': {
    client_name: 'Claude Code',
    client_uri: 'https://claude.ai',
    redirect_uris: ['http://localhost/callback', 'http://127.0.0.1/callback'],
  },
  'https://chatgpt.com/oauth/codex/client.json': {
    client_name: 'Codex',
    client_uri: 'https://openai.com/codex/',
    redirect_uris: ['http://127.0.0.1/callback', 'http://localhost/callback'],
  },
}

/** For `outside.clientDocuments`: the web, as far as these documents go. `asked` collects what was fetched. */
export function clientDocuments(asked: string[] = []) {
  const fetchDocument: typeof fetch = async (url) => {
    const id = String(url)
    asked.push(id)
    const document = DOCUMENTS[id]
    if (!document) return new Response('not found', { status: 404 })
    return Response.json({
      client_id: id,
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      ...document,
    })
  }
  return { enabled: true, fetch: fetchDocument, resolve: async () => ['93.184.215.14'] }
}
