// Storage for oidc-provider (its seven-method adapter). Ids of most of its models are secrets (codes, refresh tokens,
// cookies): they are stored as hashes, and put back into the payload on the way out.
import { type Adapter, type AdapterPayload, errors } from 'oidc-provider'
import type { Logger } from 'pino'
import type { Clock } from '../domain/clock.ts'
import { digest } from '../identity/keyring.ts'
import type { OAuthRecord, OAuthStore } from '../storage/oauth.ts'

/** Sessions of one client share a credential file and refresh at the same moment; within this time that is no theft. */
const REFRESH_GRACE = 20_000
const HOUR = 3_600_000
/** A registered client that nobody has consented to. */
export const UNUSED_CLIENT_LIFE = 24 * HOUR
/** A client after its last token. */
export const USED_CLIENT_LIFE = 90 * 24 * HOUR

/** Models whose id is public and stands in tokens and URLs. */
const PUBLIC_ID = new Set(['Client', 'Grant'])

type Rooms = {
  store: OAuthStore
  clock: Clock
  log: Logger
  /** Revokes the grant in all its forms. */
  revokeGrant: (grantId: string) => Promise<void>
}

export function createAdapter({ store, clock, log, revokeGrant }: Rooms): (model: string) => Adapter {
  const { records } = store

  return (model) => {
    const secret = !PUBLIC_ID.has(model)
    const keyOf = (id: string): string => (secret ? digest(id) : id)

    const restored = (record: OAuthRecord, id: string | undefined): AdapterPayload => ({
      ...(record.payload as AdapterPayload),
      ...(secret && id !== undefined ? { jti: id } : {}),
      ...consumption(record),
    })

    function consumption({ consumedAt, grantId }: OAuthRecord): { consumed?: number } {
      if (consumedAt === null) return {}
      if (model === 'RefreshToken' && consumedAt + REFRESH_GRACE > clock.now()) {
        log.info({ grant_id: grantId }, 'a refresh token was used again within its grace')
        return {}
      }
      return { consumed: Math.floor(consumedAt / 1000) }
    }

    return {
      async upsert(id, payload, expiresIn) {
        const { jti, ...rest } = payload
        const life = model === 'Client' ? UNUSED_CLIENT_LIFE : expiresIn === undefined ? undefined : expiresIn * 1000
        const expiresAt = life === undefined ? null : clock.now() + life
        await records.put(model, keyOf(id), secret || jti === undefined ? rest : payload, expiresAt)
      },

      async find(id) {
        const record = await records.find(model, { id: keyOf(id) }, clock.now())
        return record && restored(record, id)
      },

      async findByUid(uid) {
        const record = await records.find(model, { uid }, clock.now())
        return record && restored(record, undefined)
      },

      // The device flow is off, and with it user codes.
      async findByUserCode() {},

      async consume(id) {
        if (await records.consume(model, keyOf(id), clock.now())) return
        // Somebody else consumed it since it was found. A refresh token may, for a moment; a code never.
        if (model === 'RefreshToken') return
        const record = await records.find(model, { id: keyOf(id) }, clock.now())
        if (record?.grantId) await revokeGrant(record.grantId)
        throw new errors.InvalidGrant('already used')
      },

      async destroy(id) {
        if (model === 'Grant') return revokeGrant(id)
        await records.remove(model, keyOf(id))
      },

      async revokeByGrantId(grantId) {
        await records.removeByGrant(model, grantId)
      },
    }
  }
}
