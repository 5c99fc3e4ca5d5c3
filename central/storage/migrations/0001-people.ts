import type { Migration } from '../migrate.ts'

/** Workspaces, users, who belongs where, and how a person proves who they are. */
export const people: Migration = {
  number: 1,
  name: 'people',
  breaking: true,
  up: async ({ run, columns: { text, int, bytes, end } }) => {
    await run(`create table workspaces (
      id ${text} primary key not null,
      name ${text} not null,
      plan ${text} not null,
      overrides ${text} not null,
      policy ${text} not null,
      created_at ${int} not null
    )${end}`)
    await run(`create table users (
      id ${text} primary key not null,
      email ${text} not null unique,
      password_hash ${text},
      disabled_at ${int},
      created_at ${int} not null
    )${end}`)
    await run(`create table members (
      workspace_id ${text} not null references workspaces (id) on delete cascade,
      user_id ${text} not null references users (id) on delete cascade,
      role ${text} not null,
      created_at ${int} not null,
      primary key (workspace_id, user_id)
    )${end}`)
    await run('create index members_user on members (user_id)')
    await run(`create table totp (
      user_id ${text} primary key not null references users (id) on delete cascade,
      secret ${bytes} not null,
      confirmed_at ${int},
      last_step ${int} not null
    )${end}`)
    await run(`create table passkeys (
      id ${text} primary key not null,
      user_id ${text} not null references users (id) on delete cascade,
      credential_id ${text} not null unique,
      public_key ${bytes} not null,
      counter ${int} not null,
      transports ${text} not null,
      name ${text} not null,
      created_at ${int} not null,
      last_used_at ${int}
    )${end}`)
    await run('create index passkeys_user on passkeys (user_id)')
    await run(`create table recovery_codes (
      user_id ${text} not null references users (id) on delete cascade,
      hash ${text} not null,
      used_at ${int},
      primary key (user_id, hash)
    )${end}`)
    await run(`create table sessions (
      id ${text} primary key not null,
      hash ${text} not null unique,
      user_id ${text} not null references users (id) on delete cascade,
      created_at ${int} not null,
      last_seen_at ${int} not null,
      expires_at ${int} not null,
      authenticated_at ${int} not null,
      amr ${text} not null,
      user_agent ${text} not null
    )${end}`)
    await run('create index sessions_user on sessions (user_id)')
    await run('create index sessions_expiry on sessions (expires_at)')
    await run(`create table one_time (
      hash ${text} primary key not null,
      purpose ${text} not null,
      user_id ${text} references users (id) on delete cascade,
      payload ${text} not null,
      expires_at ${int} not null
    )${end}`)
    await run('create index one_time_expiry on one_time (expires_at)')
    await run(`create table attempts (
      subject ${text} primary key not null,
      count ${int} not null,
      window_ends_at ${int} not null
    )${end}`)
    await run('create index attempts_end on attempts (window_ends_at)')
  },
}
