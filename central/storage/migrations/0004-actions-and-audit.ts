import type { Migration } from '../migrate.ts'

/**
 * Actions with their output, and the audit log. Audit lines refer to nothing by foreign key: they outlive what they
 * speak of.
 */
export const actionsAndAudit: Migration = {
  number: 4,
  name: 'actions-and-audit',
  breaking: true,
  up: async ({ run, columns: { text, int, bytes, end } }) => {
    await run(`create table actions (
      id ${text} primary key not null,
      workspace_id ${text} not null references workspaces (id),
      server_id ${text} not null references servers (id),
      kind ${text} not null,
      canonical ${text} not null,
      digest ${text} not null,
      words ${text} not null,
      state ${text} not null,
      requester ${text} not null,
      created_at ${int} not null,
      expires_at ${int} not null,
      decision ${text},
      granted ${text},
      started_at ${int},
      finished_at ${int},
      outcome ${text}
    )${end}`)
    await run('create index actions_workspace on actions (workspace_id, created_at)')
    await run('create index actions_server on actions (server_id, created_at)')
    await run('create index actions_state on actions (state, expires_at)')
    await run(`create table action_output (
      action_id ${text} not null references actions (id) on delete cascade,
      start_offset ${int} not null,
      data ${bytes} not null,
      primary key (action_id, start_offset)
    )${end}`)
    await run(`create table audit_lines (
      workspace_id ${text} not null,
      seq ${int} not null,
      at ${int} not null,
      server_id ${text},
      call_id ${text} not null,
      body ${text} not null,
      prev_hash ${text} not null,
      hash ${text} not null,
      primary key (workspace_id, seq)
    )${end}`)
    await run('create index audit_lines_server on audit_lines (workspace_id, server_id, seq)')
    await run('create index audit_lines_call on audit_lines (call_id)')
    await run(`create table audit_checkpoints (
      workspace_id ${text} not null,
      seq ${int} not null,
      hash ${text} not null,
      at ${int} not null,
      key_id ${text} not null,
      signature ${bytes} not null,
      primary key (workspace_id, seq)
    )${end}`)
  },
}
