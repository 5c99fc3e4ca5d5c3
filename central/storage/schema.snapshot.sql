-- Written by central/storage/snapshot.ts from the migrations; never edited.

CREATE TABLE action_output (
  action_id text not null references actions (id) on delete cascade,
  start_offset integer not null,
  data blob not null,
  primary key (action_id, start_offset)
) strict;

CREATE TABLE actions (
  id text primary key not null,
  workspace_id text not null references workspaces (id),
  server_id text not null references servers (id),
  kind text not null,
  canonical text not null,
  digest text not null,
  words text not null,
  state text not null,
  requester text not null,
  created_at integer not null,
  expires_at integer not null,
  decision text,
  granted text,
  started_at integer,
  finished_at integer,
  outcome text
  , parent_id text) strict;

CREATE TABLE alerts (
  id text primary key not null,
  workspace_id text not null references workspaces (id),
  server_id text not null references servers (id),
  kind text not null,
  severity text not null,
  status text not null,
  message text not null,
  value real,
  raised_at integer not null,
  resolved_at integer
) strict;

CREATE TABLE api_keys (
  id text primary key not null,
  hash text not null unique,
  user_id text not null references users (id) on delete cascade,
  workspace_id text not null references workspaces (id) on delete cascade,
  name text not null,
  scopes text not null,
  created_at integer not null,
  expires_at integer not null,
  revoked_at integer,
  last_used_at integer
) strict;

CREATE TABLE attempts (
  subject text primary key not null,
  count integer not null,
  window_ends_at integer not null
) strict;

CREATE TABLE audit_checkpoints (
  workspace_id text not null,
  seq integer not null,
  hash text not null,
  at integer not null,
  key_id text not null,
  signature blob not null,
  primary key (workspace_id, seq)
) strict;

CREATE TABLE audit_lines (
  workspace_id text not null,
  seq integer not null,
  at integer not null,
  server_id text,
  call_id text not null,
  body text not null,
  prev_hash text not null,
  hash text not null,
  primary key (workspace_id, seq)
) strict;

CREATE TABLE certificates (
  serial text primary key not null,
  server_id text not null references servers (id),
  state text not null,
  fingerprint text not null unique,
  issued_at integer not null,
  not_after integer not null
  , issuer text not null default '') strict;

CREATE TABLE install_tokens (
  hash text primary key not null,
  workspace_id text not null references workspaces (id),
  server_id text references servers (id),
  created_by text not null,
  created_at integer not null,
  expires_at integer not null,
  used_at integer
) strict;

CREATE TABLE invitations (
  id text primary key not null,
  hash text not null unique,
  workspace_id text not null references workspaces (id),
  email text not null,
  role text not null,
  invited_by text references users (id),
  created_at integer not null,
  expires_at integer not null,
  used_at integer,
  withdrawn_at integer
) strict;

CREATE TABLE members (
  workspace_id text not null references workspaces (id) on delete cascade,
  user_id text not null references users (id) on delete cascade,
  role text not null,
  created_at integer not null,
  primary key (workspace_id, user_id)
) strict;

CREATE TABLE migrations (
  number integer primary key not null, name text not null, breaking integer not null, applied_at integer not null
) strict;

CREATE TABLE oauth_grants (
  id text primary key not null,
  user_id text not null references users (id) on delete cascade,
  workspace_id text not null references workspaces (id) on delete cascade,
  client_id text not null,
  client_name text not null,
  scopes text not null,
  created_at integer not null,
  last_used_at integer,
  revoked_at integer
) strict;

CREATE TABLE oauth_records (
  model text not null,
  id text not null,
  payload text not null,
  grant_id text,
  uid text,
  expires_at integer,
  consumed_at integer,
  primary key (model, id)
) strict;

CREATE TABLE one_time (
  hash text primary key not null,
  purpose text not null,
  user_id text references users (id) on delete cascade,
  payload text not null,
  expires_at integer not null
) strict;

CREATE TABLE passkeys (
  id text primary key not null,
  user_id text not null references users (id) on delete cascade,
  credential_id text not null unique,
  public_key blob not null,
  counter integer not null,
  transports text not null,
  name text not null,
  created_at integer not null,
  last_used_at integer
) strict;

CREATE TABLE recovery_codes (
  user_id text not null references users (id) on delete cascade,
  hash text not null,
  used_at integer,
  primary key (user_id, hash)
) strict;

CREATE TABLE servers (
  id text primary key not null,
  workspace_id text not null references workspaces (id),
  name text not null,
  created_at integer not null,
  decommissioned_at integer,
  last_seen_at integer,
  agent_version text,
  facts text not null
  , authorities text not null default '[]') strict;

CREATE TABLE sessions (
  id text primary key not null,
  hash text not null unique,
  user_id text not null references users (id) on delete cascade,
  created_at integer not null,
  last_seen_at integer not null,
  expires_at integer not null,
  authenticated_at integer not null,
  amr text not null,
  user_agent text not null
) strict;

CREATE TABLE snapshots (
  server_id text primary key not null references servers (id),
  taken_at integer not null,
  latest text not null,
  before text
) strict;

CREATE TABLE totp (
  user_id text primary key not null references users (id) on delete cascade,
  secret blob not null,
  confirmed_at integer,
  last_step integer not null
) strict;

CREATE TABLE users (
  id text primary key not null,
  email text not null unique,
  password_hash text,
  disabled_at integer,
  created_at integer not null
) strict;

CREATE TABLE workspaces (
  id text primary key not null,
  name text not null,
  plan text not null,
  overrides text not null,
  policy text not null,
  created_at integer not null
) strict;

CREATE UNIQUE INDEX actions_parent on actions (parent_id, server_id);

CREATE INDEX actions_server on actions (server_id, created_at);

CREATE INDEX actions_state on actions (state, expires_at);

CREATE INDEX actions_workspace on actions (workspace_id, created_at);

CREATE INDEX alerts_server on alerts (server_id, kind, status);

CREATE INDEX alerts_workspace on alerts (workspace_id, status, raised_at);

CREATE INDEX api_keys_user on api_keys (user_id);

CREATE INDEX api_keys_workspace on api_keys (workspace_id);

CREATE INDEX attempts_end on attempts (window_ends_at);

CREATE INDEX audit_lines_call on audit_lines (call_id);

CREATE INDEX audit_lines_server on audit_lines (workspace_id, server_id, seq);

CREATE INDEX certificates_server on certificates (server_id, state);

CREATE INDEX install_tokens_expiry on install_tokens (expires_at);

CREATE INDEX install_tokens_server on install_tokens (server_id);

CREATE INDEX invitations_workspace on invitations (workspace_id, created_at);

CREATE INDEX members_user on members (user_id);

CREATE INDEX oauth_grants_user on oauth_grants (user_id);

CREATE INDEX oauth_grants_workspace on oauth_grants (workspace_id);

CREATE INDEX oauth_records_expiry on oauth_records (expires_at);

CREATE INDEX oauth_records_grant on oauth_records (grant_id);

CREATE INDEX oauth_records_uid on oauth_records (model, uid);

CREATE INDEX one_time_expiry on one_time (expires_at);

CREATE INDEX passkeys_user on passkeys (user_id);

CREATE INDEX servers_workspace on servers (workspace_id, created_at);

CREATE INDEX sessions_expiry on sessions (expires_at);

CREATE INDEX sessions_user on sessions (user_id);
