import type { Migration } from '../migrate.ts'

/** Actions that run on the strength of another's approval: one a server. */
export const rollouts: Migration = {
  number: 6,
  name: 'rollouts',
  breaking: false,
  up: async ({ run, columns: { text } }) => {
    await run(`alter table actions add column parent_id ${text}`)
    await run('create unique index actions_parent on actions (parent_id, server_id)')
  },
}
