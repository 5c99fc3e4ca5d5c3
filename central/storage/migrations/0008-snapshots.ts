import type { Migration } from '../migrate.ts'

/** What runs on a server: the latest snapshot and the one before it, so that they can be compared. */
export const snapshots: Migration = {
  number: 8,
  name: 'snapshots',
  breaking: false,
  up: async ({ run, columns: { text, int, end } }) => {
    await run(`create table snapshots (
      server_id ${text} primary key not null references servers (id),
      taken_at ${int} not null,
      latest ${text} not null,
      before ${text}
    )${end}`)
  },
}
