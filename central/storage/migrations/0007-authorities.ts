import type { Migration } from '../migrate.ts'

/**
 * Which authority issued a certificate, and which ones an agent believes: to know whom a change of authority would cut off.
 * What is older than this has the only authority there was, which a start fills in.
 */
export const authorities: Migration = {
  number: 7,
  name: 'authorities',
  breaking: false,
  up: async ({ run, columns: { text } }) => {
    await run(`alter table certificates add column issuer ${text} not null default ''`)
    await run(`alter table servers add column authorities ${text} not null default '[]'`)
  },
}
