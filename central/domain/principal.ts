// Who is asking, however they came in. Every door makes one of these; nothing below a door looks at credentials.

export const ROLES = ['viewer', 'operator', 'approver', 'owner'] as const
export type Role = (typeof ROLES)[number]

export const SCOPES = ['read', 'execute'] as const
export type Scope = (typeof SCOPES)[number]

/** Where a call came from, in the audit log's words. */
export type Source = 'mcp' | 'dashboard' | 'api' | 'system'

export type Principal = {
  /** What kind of credential was shown. An api_key can never approve anything. */
  credential: 'oauth' | 'api_key' | 'session' | 'system'
  userId: string
  email: string
  workspaceId: string
  role: Role
  scopes: readonly Scope[]
  clientId: string
  /** Untrusted text that the client gave for itself. */
  clientName: string
  /** OAuth grant (gid), API key id or session id: what an investigation is bound to and what can be revoked. */
  grantId: string
  source: Source
}

/** Roles that may decide an action. */
export const mayApprove = (role: Role): boolean => role === 'approver' || role === 'owner'

/** Roles that may ask for changes. */
export const mayExecute = (role: Role): boolean => role !== 'viewer'
