// What Central says about itself as a protected resource (RFC 9728), and the challenge that leads a client there.
import { SCOPES, type Scope } from '../domain/principal.ts'

export type Resource = ReturnType<typeof createResource>

/** @param publicUrl an origin: the issuer, and the base of the one protected resource. */
export function createResource(publicUrl: string) {
  const { origin, pathname, search, hash } = new URL(publicUrl)
  if (pathname !== '/' || search || hash) throw new Error('publicUrl must be an origin, without a path')
  const resource = `${origin}/mcp`
  const metadataUrl = `${origin}/.well-known/oauth-protected-resource/mcp`

  return {
    issuer: origin,
    resource,

    /** A client may end the resource with a slash; anything else is another resource. */
    isOurs: (indicator: string): boolean => indicator === resource || indicator === `${resource}/`,

    protectedResource: {
      resource,
      authorization_servers: [origin],
      scopes_supported: [...SCOPES],
      bearer_methods_supported: ['header'],
      resource_name: 'mttrly',
    },

    /**
     * The WWW-Authenticate header's value. Without a reason: no credential was shown (401). All scopes that a session
     * needs are asked for at once; the consent page can grant fewer.
     */
    challenge(reason?: {
      error: 'invalid_token' | 'insufficient_scope'
      description: string
      scopes?: readonly Scope[]
    }) {
      const parameters = {
        ...(reason ? { error: reason.error, error_description: reason.description.replace(/["\\]/g, '') } : {}),
        scope: (reason?.scopes ?? SCOPES).join(' '),
        resource_metadata: metadataUrl,
      }
      return `Bearer ${Object.entries(parameters)
        .map(([name, value]) => `${name}="${value}"`)
        .join(', ')}`
    },
  }
}
