// What ran on each server when it was last looked at, and the time before. JSON as the host said it, checked on the way out.
import { Snapshot } from '#proto/contract/reality.ts'
import type { Database } from './database.ts'

export type SnapshotsStore = ReturnType<typeof createSnapshotsStore>

/** `takenAt` is by Central's clock. */
export type KeptSnapshot = { takenAt: number; latest: Snapshot; before: Snapshot | undefined }

export function createSnapshotsStore(db: Database) {
  const { kysely } = db
  return {
    /** What was the latest is then the one before. */
    async save(serverId: string, takenAt: number, snapshot: Snapshot): Promise<void> {
      const latest = JSON.stringify(snapshot)
      await kysely
        .insertInto('snapshots')
        .values({ server_id: serverId, taken_at: takenAt, latest, before: null })
        .onConflict((conflict) =>
          conflict
            .column('server_id')
            .doUpdateSet((eb) => ({ taken_at: takenAt, latest, before: eb.ref('snapshots.latest') })),
        )
        .execute()
    },

    /** undefined also where what is kept is of another time and can no longer be read. */
    async find(serverId: string): Promise<KeptSnapshot | undefined> {
      const row = await kysely.selectFrom('snapshots').selectAll().where('server_id', '=', serverId).executeTakeFirst()
      const latest = row && read(row.latest)
      return latest && { takenAt: row.taken_at, latest, before: row.before === null ? undefined : read(row.before) }
    },

    /** Forgets what ran on servers that are no more. */
    async prune(): Promise<void> {
      await kysely
        .deleteFrom('snapshots')
        .where('server_id', 'in', (eb) =>
          eb.selectFrom('servers').select('id').where('decommissioned_at', 'is not', null),
        )
        .execute()
    },
  }
}

const read = (text: string): Snapshot | undefined => Snapshot.safeParse(JSON.parse(text)).data
