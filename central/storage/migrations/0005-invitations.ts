import type { Migration } from '../migrate.ts'

/** Who was asked to become a member, and what became of it. */
export const invitations: Migration = {
  number: 5,
  name: 'invitations',
  breaking: false,
  up: async ({ run, columns: { text, int, end } }) => {
    await run(`create table invitations (
      id ${text} primary key not null,
      hash ${text} not null unique,
      workspace_id ${text} not null references workspaces (id),
      email ${text} not null,
      role ${text} not null,
      invited_by ${text} references users (id),
      created_at ${int} not null,
      expires_at ${int} not null,
      used_at ${int},
      withdrawn_at ${int}
    )${end}`)
    await run('create index invitations_workspace on invitations (workspace_id, created_at)')
  },
}
