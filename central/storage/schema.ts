// Tables, as Kysely sees them. Ids are text; times are integers, Unix ms; flags are 0 or 1; JSON is text that the
// repository of the subject validates on the way out. The same types hold for SQLite and PostgreSQL.

type Bytes = Uint8Array

export type Schema = {
  workspaces: {
    id: string
    name: string
    plan: string
    /** JSON: Partial<PlanLimits> set by an administrator. */
    overrides: string
    /** JSON: Policy. */
    policy: string
    created_at: number
  }
  users: {
    id: string
    email: string
    /** argon2id, PHC string; null until a password is set. */
    password_hash: string | null
    disabled_at: number | null
    created_at: number
  }
  members: { workspace_id: string; user_id: string; role: string; created_at: number }
  /** Links that make a member. invited_by is null when the administrator's command line invited. */
  invitations: {
    id: string
    hash: string
    workspace_id: string
    email: string
    role: string
    invited_by: string | null
    created_at: number
    expires_at: number
    used_at: number | null
    withdrawn_at: number | null
  }
  /** At most one per user. The secret is sealed with the data key. */
  totp: { user_id: string; secret: Bytes; confirmed_at: number | null; last_step: number }
  passkeys: {
    id: string
    user_id: string
    /** base64url, unique. */
    credential_id: string
    public_key: Bytes
    counter: number
    transports: string
    name: string
    created_at: number
    last_used_at: number | null
  }
  recovery_codes: { user_id: string; hash: string; used_at: number | null }
  /** Console sessions; id is what may be shown, hash is SHA-256 of the cookie. */
  sessions: {
    id: string
    hash: string
    user_id: string
    created_at: number
    last_seen_at: number
    expires_at: number
    /** When the password, passkey or code was last proved, and how (JSON array of amr words). */
    authenticated_at: number
    amr: string
    user_agent: string
  }
  /** Set-up links, WebAuthn challenges and the like: single use, short life, found by hash. */
  one_time: { hash: string; purpose: string; user_id: string | null; payload: string; expires_at: number }
  /** Failed attempts, for throttling by account and by address. */
  attempts: { subject: string; count: number; window_ends_at: number }
  api_keys: {
    id: string
    hash: string
    user_id: string
    workspace_id: string
    name: string
    scopes: string
    created_at: number
    expires_at: number
    revoked_at: number | null
    last_used_at: number | null
  }
  /** Everything oidc-provider stores, by model and id. */
  oauth_records: {
    model: string
    id: string
    payload: string
    grant_id: string | null
    uid: string | null
    expires_at: number | null
    consumed_at: number | null
  }
  /** Grants as people know them: which client may act for whom in which workspace. */
  oauth_grants: {
    id: string
    user_id: string
    workspace_id: string
    client_id: string
    client_name: string
    scopes: string
    created_at: number
    /** When a token was last issued under it. */
    last_used_at: number | null
    revoked_at: number | null
  }
  servers: {
    id: string
    workspace_id: string
    name: string
    created_at: number
    decommissioned_at: number | null
    last_seen_at: number | null
    agent_version: string | null
    /** JSON: the last hello. */
    facts: string
    /** JSON: fingerprints of the authorities that its agent believes. */
    authorities: string
  }
  /** What runs on a server. */
  snapshots: {
    server_id: string
    taken_at: number
    /** JSON: Snapshot; and the one before it. */
    latest: string
    before: string | null
  }
  certificates: {
    serial: string
    server_id: string
    /** candidate, active, retired or revoked. */
    state: string
    /** SHA-256 of the DER, hex. */
    fingerprint: string
    issued_at: number
    not_after: number
    /** Fingerprint of the authority. */
    issuer: string
  }
  install_tokens: {
    hash: string
    workspace_id: string
    /** Set when the token re-enrols a known server. */
    server_id: string | null
    created_by: string
    created_at: number
    expires_at: number
    used_at: number | null
  }
  actions: {
    id: string
    workspace_id: string
    server_id: string
    /** The action whose approval holds for this one too; one child a server. */
    parent_id: string | null
    kind: string
    /** RFC 8785 JSON of the spec, and its SHA-256. */
    canonical: string
    digest: string
    words: string
    state: string
    requester: string
    created_at: number
    expires_at: number
    decision: string | null
    /** JSON: the signed grant that went, or will go, to the agent; resent unchanged after a crash. */
    granted: string | null
    started_at: number | null
    finished_at: number | null
    outcome: string | null
  }
  /** Redacted output of actions, in the order of offset. */
  action_output: { action_id: string; start_offset: number; data: Bytes }
  audit_lines: {
    workspace_id: string
    seq: number
    at: number
    server_id: string | null
    call_id: string
    /** RFC 8785 JSON; what is hashed. */
    body: string
    prev_hash: string
    hash: string
  }
  audit_checkpoints: {
    workspace_id: string
    seq: number
    hash: string
    at: number
    key_id: string
    signature: Bytes
  }
  alerts: {
    id: string
    workspace_id: string
    server_id: string
    kind: string
    severity: string
    /** active or resolved. */
    status: string
    message: string
    value: number | null
    raised_at: number
    resolved_at: number | null
  }
  migrations: { number: number; name: string; breaking: number; applied_at: number }
}
