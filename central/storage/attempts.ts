// Failed attempts by subject. `replace` is a compare-and-set: of many attempts at the same moment each counts.
import type { Database } from './database.ts'
import type { Schema } from './schema.ts'

export type AttemptsRow = Schema['attempts']
export type AttemptsStore = ReturnType<typeof createAttemptsStore>

export function createAttemptsStore(db: Database) {
  const { kysely } = db
  return {
    async get(subject: string): Promise<AttemptsRow | undefined> {
      return kysely.selectFrom('attempts').selectAll().where('subject', '=', subject).executeTakeFirst()
    },

    /** `false`: somebody else wrote since `before` was read. */
    async replace(before: AttemptsRow | undefined, after: AttemptsRow): Promise<boolean> {
      if (!before) {
        const { numInsertedOrUpdatedRows } = await kysely
          .insertInto('attempts')
          .values(after)
          .onConflict((conflict) => conflict.column('subject').doNothing())
          .executeTakeFirstOrThrow()
        return numInsertedOrUpdatedRows === 1n
      }
      const { numUpdatedRows } = await kysely
        .updateTable('attempts')
        .set({ count: after.count, window_ends_at: after.window_ends_at })
        .where('subject', '=', before.subject)
        .where('count', '=', before.count)
        .where('window_ends_at', '=', before.window_ends_at)
        .executeTakeFirstOrThrow()
      return numUpdatedRows === 1n
    },

    async remove(subject: string): Promise<void> {
      await kysely.deleteFrom('attempts').where('subject', '=', subject).execute()
    },

    async prune(now: number): Promise<void> {
      await kysely.deleteFrom('attempts').where('window_ends_at', '<=', now).execute()
    },
  }
}
