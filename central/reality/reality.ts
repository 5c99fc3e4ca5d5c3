// What runs on each server, as its host last said: kept, compared with the time before, and asked for anew, one at a time a
// server. Imported by app; tools and console reach it through what they are handed.
import { CatalogueError } from '#proto/contract/errors.ts'
import { SNAPSHOT_MAX, Snapshot } from '#proto/contract/reality.ts'
import { diffSnapshots, type SnapshotDiff } from '#proto/contract/reality-diff.ts'
import type { Clock } from '../domain/clock.ts'
import type { AttemptsStore } from '../storage/attempts.ts'
import type { SnapshotsStore } from '../storage/snapshots.ts'
import { createCooldown } from './cooldown.ts'
import { neutral } from './neutral.ts'

export type Reality = ReturnType<typeof createReality>
/** Text in it comes from the host; it is neutralised. `diff`: against the snapshot before, where there is one. */
export type View = { takenAt: number; live: boolean; snapshot: Snapshot; diff: SnapshotDiff | undefined; note?: string }

const STALE = 15 * 60_000
const COOLDOWN = 60_000

export function createReality({
  store,
  attempts,
  ask,
  clock,
}: {
  store: SnapshotsStore
  attempts: AttemptsStore
  /** The snapshot of a server that is online, as JSON. */
  ask: (serverId: string) => Promise<string>
  clock: Clock
}) {
  const underWay = new Map<string, Promise<void>>()
  const cooldown = createCooldown({ attempts, clock }, 'reality', COOLDOWN)

  async function take(serverId: string): Promise<void> {
    const snapshot = readAnswer(await ask(serverId))
    await store.save(serverId, clock.now(), snapshot)
  }

  /** Whoever comes while one is on its way waits for that one. */
  function takeOnce(serverId: string): Promise<void> {
    const present = underWay.get(serverId)
    if (present) return present
    const taking = take(serverId).finally(() => underWay.delete(serverId))
    underWay.set(serverId, taking)
    return taking
  }

  async function cached(serverId: string): Promise<View | undefined> {
    const kept = await store.find(serverId)
    if (!kept) return undefined
    const snapshot = neutral(kept.latest)
    const diff = kept.before && diffSnapshots(neutral(kept.before), snapshot)
    return { takenAt: kept.takenAt, live: false, snapshot, diff }
  }

  async function fresh(serverId: string): Promise<View> {
    await takeOnce(serverId)
    const view = await cached(serverId)
    if (!view) throw new CatalogueError('INTERNAL_ERROR', { server_id: serverId })
    return { ...view, live: true }
  }

  return {
    cached,

    /**
     * What is kept, or a new one where there is none or it is old, and the server can be asked.
     * @throws CatalogueError SERVER_OFFLINE where nothing is kept; what the host refused
     */
    async get(server: { id: string; online: boolean }): Promise<View> {
      const kept = await cached(server.id)
      if (kept && (clock.now() - kept.takenAt < STALE || !server.online)) return kept
      if (!server.online) throw new CatalogueError('SERVER_OFFLINE', { server_id: server.id })
      try {
        return await fresh(server.id)
      } catch (error) {
        if (!kept || !(error instanceof CatalogueError)) throw error
        return { ...kept, note: `The host could not be asked now (${error.code}); this is what it said last.` }
      }
    },

    /**
     * A new one.
     * @throws CatalogueError REALITY_COOLDOWN; what the host refused
     */
    async refresh(serverId: string): Promise<View> {
      if (!underWay.has(serverId)) {
        const kept = ((await store.find(serverId))?.takenAt ?? 0) + COOLDOWN - clock.now()
        const retry_after_s = kept > 0 ? Math.ceil(kept / 1000) : await cooldown.take(serverId)
        const begun = underWay.has(serverId) // by who came at the same time
        if (retry_after_s > 0 && !begun)
          throw new CatalogueError('REALITY_COOLDOWN', { server_id: serverId, retry_after_s })
      }
      return fresh(serverId)
    },
  }
}

/** @throws CatalogueError when it is not what the contract says */
function readAnswer(json: string): Snapshot {
  // The host has room for what is written otherwise than here.
  if (Buffer.byteLength(json) > 2 * SNAPSHOT_MAX) throw new CatalogueError('OUTPUT_TOO_LARGE')
  try {
    return Snapshot.parse(JSON.parse(json))
  } catch (error) {
    const why = 'What the host answered is not what its capability version promises.'
    throw new CatalogueError('INTERNAL_ERROR', { why }, { cause: error })
  }
}
