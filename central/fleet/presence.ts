// Who is there. In memory, from streams and heartbeats; the database hears of it once a minute, never once a heartbeat.
import type { Logger } from 'pino'
import { LIMITS } from '#proto/contract/limits.ts'
import type { Bus } from '../bus/bus.ts'
import type { Clock } from '../domain/clock.ts'
import type { HostSample } from '../domain/server.ts'
import type { ServersStore } from '../storage/servers.ts'

/** `closedAt` is when the last stream ended; null while there is one, and for a server that has not come yet. */
type Entry = {
  workspaceId: string
  online: boolean
  streaming: boolean
  lastSeen: number | null
  written: number | null
  closedAt: number | null
  sample: HostSample | undefined
}

/** `last_seen_at` is exact to this; it keeps a flush to a few statements. */
const PRECISION = 1_000

export function createPresence(rooms: { store: ServersStore; bus: Bus; clock: Clock; log: Logger }) {
  const { store, bus, clock, log } = rooms
  const entries = new Map<string, Entry>()

  function setOnline(serverId: string, entry: Entry, online: boolean): void {
    if (entry.online === online) return
    entry.online = online
    bus.publish('presence', { server_id: serverId, online })
  }

  function expect(serverId: string, workspaceId: string, lastSeen: number | null = null): Entry {
    const known = entries.get(serverId)
    if (known) return known
    const entry: Entry = {
      workspaceId,
      online: false,
      streaming: false,
      lastSeen,
      written: lastSeen,
      closedAt: null,
      sample: undefined,
    }
    entries.set(serverId, entry)
    return entry
  }

  function isAway(entry: Entry, now: number): boolean {
    if (now - (entry.lastSeen ?? 0) >= LIMITS.offlineAfter) return true
    return !entry.streaming && now - (entry.closedAt ?? now) >= LIMITS.reconnectGrace
  }

  return {
    expect,
    opened(serverId: string, workspaceId: string): void {
      const entry = expect(serverId, workspaceId)
      entry.streaming = true
      entry.closedAt = null
      entry.lastSeen = clock.now()
      setOnline(serverId, entry, true)
    },
    heartbeat(serverId: string, sample: HostSample): void {
      const entry = entries.get(serverId)
      if (!entry?.streaming) return
      entry.sample = sample
      entry.lastSeen = clock.now()
      setOnline(serverId, entry, true)
    },
    closed(serverId: string): void {
      const entry = entries.get(serverId)
      if (!entry?.streaming) return
      entry.streaming = false
      entry.closedAt = clock.now()
    },
    forget(serverId: string): void {
      const entry = entries.get(serverId)
      if (!entry) return
      entries.delete(serverId)
      setOnline(serverId, entry, false)
    },
    /** Puts offline who has been silent for too long. */
    sweep(): void {
      const now = clock.now()
      for (const [serverId, entry] of entries) {
        if (entry.online && isAway(entry, now)) setOnline(serverId, entry, false)
      }
    },
    get: (serverId: string): Readonly<Entry> | undefined => entries.get(serverId),
    /** When one that still counts as online and has no stream any more counts as offline, if it is not back. */
    offlineAt(serverId: string): number | null {
      const entry = entries.get(serverId)
      if (!entry?.online || entry.streaming || entry.closedAt === null) return null
      return entry.closedAt + LIMITS.reconnectGrace
    },
    entries: (): IterableIterator<[string, Readonly<Entry>]> => entries.entries(),
    /** Writes the last-seen times that have changed: a handful of statements, however many servers there are. */
    async flush(): Promise<void> {
      const changed = [...entries].filter(([, entry]) => entry.lastSeen !== entry.written)
      const bySecond = Map.groupBy(changed, ([, entry]) => Math.floor((entry.lastSeen ?? 0) / PRECISION) * PRECISION)
      try {
        for (const [at, group] of bySecond) {
          const seen = group.map(([, entry]) => entry.lastSeen)
          await store.touch(
            group.map(([serverId]) => serverId),
            at,
          )
          group.forEach(([, entry], index) => {
            entry.written = seen[index] ?? null
          })
        }
      } catch (error) {
        log.error({ err: error }, 'last-seen times not written, will try again')
      }
    },
  }
}

export type Presence = ReturnType<typeof createPresence>
