// TOTP secrets (sealed before they come here), passkeys and recovery codes (hashed). What may be used once is used
// up by compare-and-set, so that two requests with the same code cannot both succeed.
import type { Database } from './database.ts'
import type { Schema } from './schema.ts'

export type TotpRow = Schema['totp']
export type PasskeyRow = Schema['passkeys']
export type SecondFactorsStore = ReturnType<typeof createSecondFactorsStore>

export function createSecondFactorsStore(db: Database) {
  const { kysely } = db
  return {
    totp: {
      async get(userId: string): Promise<TotpRow | undefined> {
        return kysely.selectFrom('totp').selectAll().where('user_id', '=', userId).executeTakeFirst()
      },
      /** A new secret takes the place of an unconfirmed one. `false`: a confirmed one is there. */
      async put(row: TotpRow): Promise<boolean> {
        const { numInsertedOrUpdatedRows } = await kysely
          .insertInto('totp')
          .values(row)
          .onConflict((conflict) =>
            conflict
              .column('user_id')
              .doUpdateSet({ secret: row.secret, confirmed_at: row.confirmed_at, last_step: row.last_step })
              .where('totp.confirmed_at', 'is', null),
          )
          .executeTakeFirstOrThrow()
        return numInsertedOrUpdatedRows === 1n
      },
      /** Takes the time step; `false`: this step, or a later one, has been used. */
      async useStep(userId: string, step: number, confirmedAt: number | undefined): Promise<boolean> {
        const { numUpdatedRows } = await kysely
          .updateTable('totp')
          .set({ last_step: step, ...(confirmedAt === undefined ? {} : { confirmed_at: confirmedAt }) })
          .where('user_id', '=', userId)
          .where('last_step', '<', step)
          .executeTakeFirstOrThrow()
        return numUpdatedRows === 1n
      },
      async remove(userId: string): Promise<void> {
        await kysely.deleteFrom('totp').where('user_id', '=', userId).execute()
      },
    },

    passkeys: {
      async list(userId: string): Promise<PasskeyRow[]> {
        return kysely.selectFrom('passkeys').selectAll().where('user_id', '=', userId).orderBy('created_at').execute()
      },
      async find(credentialId: string): Promise<PasskeyRow | undefined> {
        return kysely.selectFrom('passkeys').selectAll().where('credential_id', '=', credentialId).executeTakeFirst()
      },
      /** `false`: the credential is registered already. */
      async add(row: PasskeyRow): Promise<boolean> {
        const { numInsertedOrUpdatedRows } = await kysely
          .insertInto('passkeys')
          .values(row)
          .onConflict((conflict) => conflict.column('credential_id').doNothing())
          .executeTakeFirstOrThrow()
        return numInsertedOrUpdatedRows === 1n
      },
      /** `false`: the counter moved meanwhile, which a clone of the authenticator would cause. */
      async used(id: string, before: number, counter: number, at: number): Promise<boolean> {
        const { numUpdatedRows } = await kysely
          .updateTable('passkeys')
          .set({ counter, last_used_at: at })
          .where('id', '=', id)
          .where('counter', '=', before)
          .executeTakeFirstOrThrow()
        return numUpdatedRows === 1n
      },
      async remove(userId: string, id: string): Promise<boolean> {
        const { numDeletedRows } = await kysely
          .deleteFrom('passkeys')
          .where('user_id', '=', userId)
          .where('id', '=', id)
          .executeTakeFirstOrThrow()
        return numDeletedRows === 1n
      },
    },

    recoveryCodes: {
      async replace(userId: string, hashes: readonly string[]): Promise<void> {
        await db.transaction(async (tx) => {
          await tx.kysely.deleteFrom('recovery_codes').where('user_id', '=', userId).execute()
          await tx.kysely
            .insertInto('recovery_codes')
            .values(hashes.map((hash) => ({ user_id: userId, hash, used_at: null })))
            .execute()
        })
      },
      async use(userId: string, hash: string, at: number): Promise<boolean> {
        const { numUpdatedRows } = await kysely
          .updateTable('recovery_codes')
          .set({ used_at: at })
          .where('user_id', '=', userId)
          .where('hash', '=', hash)
          .where('used_at', 'is', null)
          .executeTakeFirstOrThrow()
        return numUpdatedRows === 1n
      },
      async left(userId: string): Promise<number> {
        const rows = await kysely
          .selectFrom('recovery_codes')
          .select('hash')
          .where('user_id', '=', userId)
          .where('used_at', 'is', null)
          .execute()
        return rows.length
      },
      async remove(userId: string): Promise<void> {
        await kysely.deleteFrom('recovery_codes').where('user_id', '=', userId).execute()
      },
    },
  }
}
