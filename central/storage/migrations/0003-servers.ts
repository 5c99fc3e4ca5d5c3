import type { Migration } from '../migrate.ts'

/** Servers, what lets their agents in, and what crossed a threshold on them. */
export const servers: Migration = {
  number: 3,
  name: 'servers',
  breaking: true,
  up: async ({ run, columns: { text, int, real, end } }) => {
    await run(`create table servers (
      id ${text} primary key not null,
      workspace_id ${text} not null references workspaces (id),
      name ${text} not null,
      created_at ${int} not null,
      decommissioned_at ${int},
      last_seen_at ${int},
      agent_version ${text},
      facts ${text} not null
    )${end}`)
    await run('create index servers_workspace on servers (workspace_id, created_at)')
    await run(`create table certificates (
      serial ${text} primary key not null,
      server_id ${text} not null references servers (id),
      state ${text} not null,
      fingerprint ${text} not null unique,
      issued_at ${int} not null,
      not_after ${int} not null
    )${end}`)
    await run('create index certificates_server on certificates (server_id, state)')
    await run(`create table install_tokens (
      hash ${text} primary key not null,
      workspace_id ${text} not null references workspaces (id),
      server_id ${text} references servers (id),
      created_by ${text} not null,
      created_at ${int} not null,
      expires_at ${int} not null,
      used_at ${int}
    )${end}`)
    await run('create index install_tokens_server on install_tokens (server_id)')
    await run('create index install_tokens_expiry on install_tokens (expires_at)')
    await run(`create table alerts (
      id ${text} primary key not null,
      workspace_id ${text} not null references workspaces (id),
      server_id ${text} not null references servers (id),
      kind ${text} not null,
      severity ${text} not null,
      status ${text} not null,
      message ${text} not null,
      value ${real},
      raised_at ${int} not null,
      resolved_at ${int}
    )${end}`)
    await run('create index alerts_workspace on alerts (workspace_id, status, raised_at)')
    await run('create index alerts_server on alerts (server_id, kind, status)')
  },
}
