import type { Migration } from '../migrate.ts'

/** What clients act with: API keys, and what the authorization server keeps. */
export const credentials: Migration = {
  number: 2,
  name: 'credentials',
  breaking: true,
  up: async ({ run, columns: { text, int, end } }) => {
    await run(`create table api_keys (
      id ${text} primary key not null,
      hash ${text} not null unique,
      user_id ${text} not null references users (id) on delete cascade,
      workspace_id ${text} not null references workspaces (id) on delete cascade,
      name ${text} not null,
      scopes ${text} not null,
      created_at ${int} not null,
      expires_at ${int} not null,
      revoked_at ${int},
      last_used_at ${int}
    )${end}`)
    await run('create index api_keys_user on api_keys (user_id)')
    await run('create index api_keys_workspace on api_keys (workspace_id)')
    await run(`create table oauth_records (
      model ${text} not null,
      id ${text} not null,
      payload ${text} not null,
      grant_id ${text},
      uid ${text},
      expires_at ${int},
      consumed_at ${int},
      primary key (model, id)
    )${end}`)
    await run('create index oauth_records_grant on oauth_records (grant_id)')
    await run('create index oauth_records_uid on oauth_records (model, uid)')
    await run('create index oauth_records_expiry on oauth_records (expires_at)')
    await run(`create table oauth_grants (
      id ${text} primary key not null,
      user_id ${text} not null references users (id) on delete cascade,
      workspace_id ${text} not null references workspaces (id) on delete cascade,
      client_id ${text} not null,
      client_name ${text} not null,
      scopes ${text} not null,
      created_at ${int} not null,
      last_used_at ${int},
      revoked_at ${int}
    )${end}`)
    await run('create index oauth_grants_user on oauth_grants (user_id)')
    await run('create index oauth_grants_workspace on oauth_grants (workspace_id)')
  },
}
