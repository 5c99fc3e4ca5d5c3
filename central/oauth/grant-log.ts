// What the audit log is told of grants. Each line is written before what it tells of is done. A person's own
// disconnecting is written down by the page that does it.
import type { Audit } from '../audit/audit.ts'
import { createId } from '../domain/ids.ts'
import type { SessionView } from '../identity/identity.ts'
import type { OAuthGrantRow } from '../storage/oauth.ts'

export type GrantLog = ReturnType<typeof createGrantLog>

export function createGrantLog(audit: Pick<Audit, 'append'>) {
  const write = (grant: OAuthGrantRow, resource: string, actor: Actor): Promise<void> =>
    audit.append({
      event: 'account.changed',
      workspace_id: grant.workspace_id,
      call_id: createId('request'),
      actor: { user_id: grant.user_id, ...actor },
      resource,
      details: {
        grant_id: grant.id,
        client_id: grant.client_id.slice(0, 300),
        client_name: grant.client_name,
        scopes: grant.scopes,
      },
    })

  return {
    given: (grant: OAuthGrantRow, { id, email }: SessionView): Promise<void> =>
      write(grant, 'clients', {
        email,
        credential: 'session',
        client_id: 'console',
        client_name: 'Console',
        grant_id: id,
        source: 'dashboard',
      }),
    /** By its client, or because a code or token of it was used twice. */
    revoked: (grant: OAuthGrantRow, email: string): Promise<void> =>
      write(grant, 'clients/revoke', {
        email,
        credential: 'oauth',
        client_id: grant.client_id.slice(0, 300),
        client_name: grant.client_name,
        grant_id: grant.id,
        source: 'api',
      }),
  }
}

type Actor = Record<'email' | 'credential' | 'client_id' | 'client_name' | 'grant_id' | 'source', string>
