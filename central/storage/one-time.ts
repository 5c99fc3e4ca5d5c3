// Things that work once and for a short time: set-up links, challenges, half-done sign-ins. Found by SHA-256 of the
// secret part; taking one deletes it in the same statement, so of two takers one gets it.
import { z } from 'zod'
import type { Database } from './database.ts'

const Payload = z.record(z.string(), z.json())
type Payload = z.infer<typeof Payload>

export type OneTime = { purpose: string; userId: string | null; payload: Payload; expiresAt: number }
export type OneTimeStore = ReturnType<typeof createOneTimeStore>

export function createOneTimeStore(db: Database) {
  const { kysely } = db
  return {
    async add(hash: string, { purpose, userId, payload, expiresAt }: OneTime): Promise<void> {
      await kysely
        .insertInto('one_time')
        .values({ hash, purpose, user_id: userId, payload: JSON.stringify(payload), expires_at: expiresAt })
        .execute()
    },

    /** Looks without taking. Expired ones are not there. */
    async peek(hash: string, purpose: string, now: number): Promise<OneTime | undefined> {
      const row = await kysely
        .selectFrom('one_time')
        .selectAll()
        .where('hash', '=', hash)
        .where('purpose', '=', purpose)
        .where('expires_at', '>', now)
        .executeTakeFirst()
      return row && toOneTime(row)
    },

    async take(hash: string, purpose: string, now: number): Promise<OneTime | undefined> {
      const row = await kysely
        .deleteFrom('one_time')
        .where('hash', '=', hash)
        .where('purpose', '=', purpose)
        .returningAll()
        .executeTakeFirst()
      return row && row.expires_at > now ? toOneTime(row) : undefined
    },

    async removeAll(purpose: string): Promise<void> {
      await kysely.deleteFrom('one_time').where('purpose', '=', purpose).execute()
    },

    async prune(now: number): Promise<void> {
      await kysely.deleteFrom('one_time').where('expires_at', '<=', now).execute()
    },
  }
}

function toOneTime(row: { purpose: string; user_id: string | null; payload: string; expires_at: number }): OneTime {
  return {
    purpose: row.purpose,
    userId: row.user_id,
    payload: Payload.parse(JSON.parse(row.payload)),
    expiresAt: row.expires_at,
  }
}
