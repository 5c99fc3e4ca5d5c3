// API keys: bearer tokens for clients without OAuth. 256 random bits, so a plain SHA-256 is kept; shown once. A key
// never approves anything.
import type { Bus } from '../bus/bus.ts'
import type { Clock } from '../domain/clock.ts'
import { createId } from '../domain/ids.ts'
import type { Scope } from '../domain/principal.ts'
import type { ApiKeyRow, ApiKeysStore } from '../storage/api-keys.ts'
import { digest, randomToken } from './keyring.ts'

const DAY = 24 * 3_600_000
export const API_KEY_DAYS = { usual: 90, most: 365 } as const
const SHAPE = /^mtt_[A-Za-z0-9_-]{43}$/
const USED_EVERY = 60_000

export type ApiKeyView = {
  id: string
  name: string
  scopes: Scope[]
  createdAt: number
  expiresAt: number
  lastUsedAt: number | null
  state: 'active' | 'expired' | 'revoked'
}

export type ApiKeys = ReturnType<typeof createApiKeys>

export const looksLikeApiKey = (token: string): boolean => token.startsWith('mtt_')

export function createApiKeys({ store, bus, clock }: { store: ApiKeysStore; bus: Bus; clock: Clock }) {
  const stateOf = (row: ApiKeyRow): ApiKeyView['state'] => {
    if (row.revoked_at !== null) return 'revoked'
    return row.expires_at <= clock.now() ? 'expired' : 'active'
  }

  const view = (row: ApiKeyRow): ApiKeyView => ({
    id: row.id,
    name: row.name,
    scopes: row.scopes,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    lastUsedAt: row.last_used_at,
    state: stateOf(row),
  })

  /** Takes effect at once, here and on other replicas. */
  async function revoke(userId: string, id: string): Promise<boolean> {
    const revoked = await store.revoke(userId, id, clock.now())
    if (revoked) bus.publish('grant_revoked', { grant_id: id })
    return revoked
  }

  return {
    /** `key` is in the answer and nowhere else. */
    async create(wish: {
      userId: string
      workspaceId: string
      name: string
      scopes: readonly Scope[]
      days?: number | undefined
    }): Promise<{ key: string; view: ApiKeyView }> {
      const key = `mtt_${randomToken()}`
      const days = Math.min(Math.max(wish.days ?? API_KEY_DAYS.usual, 1), API_KEY_DAYS.most)
      const row: ApiKeyRow = {
        id: createId('apiKey'),
        hash: digest(key),
        user_id: wish.userId,
        workspace_id: wish.workspaceId,
        name: wish.name,
        scopes: [...new Set(wish.scopes)],
        created_at: clock.now(),
        expires_at: clock.now() + days * DAY,
        revoked_at: null,
        last_used_at: null,
      }
      await store.add(row)
      return { key, view: view(row) }
    },

    async list(userId: string): Promise<ApiKeyView[]> {
      return (await store.list(userId)).map(view)
    },

    revoke,

    async revokeAll(userId: string): Promise<void> {
      for (const { id } of await store.list(userId)) await revoke(userId, id)
    },

    /** The key as it stands now, whoever's it is; undefined when it is none that may be used. */
    async verify(key: string) {
      const found = SHAPE.test(key) ? await store.find(digest(key)) : undefined
      if (!found || found.disabledAt !== null || stateOf(found.key) !== 'active') return undefined
      const now = clock.now()
      if ((found.key.last_used_at ?? 0) + USED_EVERY <= now) await store.used(found.key.id, now)
      return found
    },
  }
}
