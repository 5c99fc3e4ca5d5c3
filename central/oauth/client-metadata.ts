// What clients say about themselves, before the authorization server sees it. RFC 7591 section 2 lets a server replace
// values; real clients ask for more than we offer (grant types, scopes, secrets), or state the wrong kind of
// application, and would be refused for it. Every client here is public and native: PKCE proves the code's owner,
// http redirects exist on loopback alone, and a person consents each time.
import { z } from 'zod'

export const GRANT_TYPES = ['authorization_code', 'refresh_token']
const MAX_REDIRECTS = 20

/** Nothing that would make the server fetch, sign or authenticate in another way. */
const KEPT = ['client_name', 'client_uri', 'logo_uri', 'policy_uri', 'tos_uri', 'contacts'] as const
const SECRETS = ['client_secret', 'client_secret_expires_at']

const Metadata = z.record(z.string(), z.json())
type Metadata = z.infer<typeof Metadata>

export type MetadataRefused = { error: 'invalid_redirect_uri' | 'invalid_client_metadata'; error_description: string }

const refuse = (error: MetadataRefused['error'], error_description: string): MetadataRefused => ({
  error,
  error_description,
})

export function normaliseClientMetadata(
  given: unknown,
  from: 'registration' | 'document',
): { metadata: Metadata } | { refused: MetadataRefused } {
  const { data } = Metadata.safeParse(given)
  if (!data) return { refused: refuse('invalid_client_metadata', 'client metadata must be a JSON object') }
  const problem = redirectsProblem(data.redirect_uris)
  if (problem) return { refused: refuse('invalid_redirect_uri', problem) }
  const wrong = from === 'document' ? documentProblem(data) : undefined
  if (wrong) return { refused: refuse('invalid_client_metadata', wrong) }
  const kept = from === 'document' ? [...KEPT, 'client_id'] : KEPT
  const metadata: Metadata = Object.fromEntries(
    kept.flatMap((name) => (data[name] === undefined ? [] : [[name, data[name]]])),
  )
  return {
    metadata: {
      ...metadata,
      ...(metadata.client_name === undefined ? {} : { client_name: shortName(metadata.client_name) }),
      token_endpoint_auth_method: 'none',
      redirect_uris: data.redirect_uris ?? [],
      application_type: 'native',
      grant_types: grantTypes(data.grant_types),
      response_types: ['code'],
      response_modes: ['query'],
    },
  }
}

/** A public document can hold no secret, and a client that means to authenticate is not let in without doing so. */
function documentProblem(data: Metadata): string | undefined {
  const method = data.token_endpoint_auth_method
  if (method !== undefined && method !== 'none')
    return 'only public clients (token_endpoint_auth_method none) can connect'
  if (SECRETS.some((name) => name in data)) return 'a client metadata document must not contain a secret'
}

/** Untrusted text for a person's eyes: no control or direction characters, and not too long. */
export function shortName(name: unknown): string {
  if (typeof name !== 'string') return 'unnamed client'
  const plain = name.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu, '').trim()
  return [...plain].slice(0, 80).join('') || 'unnamed client'
}

function grantTypes(given: unknown): string[] {
  if (!Array.isArray(given)) return GRANT_TYPES
  return GRANT_TYPES.filter((type) => type === 'authorization_code' || given.includes(type))
}

function redirectsProblem(given: unknown): string | undefined {
  if (!Array.isArray(given) || given.length === 0) return 'redirect_uris must contain members'
  if (given.length > MAX_REDIRECTS) return `redirect_uris must not contain more than ${MAX_REDIRECTS} members`
  for (const uri of given) {
    const problem = redirectProblem(uri)
    if (problem) return problem
  }
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])
/** Schemes that a browser would run or read instead of handing over to a client. */
const FORBIDDEN = new Set([
  'javascript:',
  'vbscript:',
  'data:',
  'blob:',
  'file:',
  'about:',
  'view-source:',
  'ws:',
  'wss:',
  'ftp:',
])

export const isLoopback = (uri: URL): boolean => uri.protocol === 'http:' && LOOPBACK.has(uri.hostname)

function redirectProblem(given: unknown): string | undefined {
  const uri = typeof given === 'string' ? URL.parse(given) : null
  if (!uri) return 'redirect_uris must only contain valid uris'
  if (uri.href.includes('#')) return 'redirect_uris must not contain fragments'
  if (uri.username || uri.password) return 'redirect_uris must not contain user information'
  if (uri.protocol === 'http:' && !isLoopback(uri)) return 'redirect_uris may use http on loopback addresses only'
  if (FORBIDDEN.has(uri.protocol)) return `redirect_uris must not use the ${uri.protocol.slice(0, -1)} scheme`
}
