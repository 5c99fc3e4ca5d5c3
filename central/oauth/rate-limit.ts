// So many in a window, by key. In memory: it protects this replica from being kept busy, and guards nothing else.
import type { Clock } from '../domain/clock.ts'

const MAX_KEYS = 10_000

export function createRateLimit({ max, windowMs, clock }: { max: number; windowMs: number; clock: Clock }) {
  const windows = new Map<string, { count: number; endsAt: number }>()
  return {
    admit(key: string): boolean {
      const now = clock.now()
      const current = windows.get(key)
      if (current && current.endsAt > now) return ++current.count <= max
      if (windows.size >= MAX_KEYS) {
        for (const [old, { endsAt }] of windows) if (endsAt <= now) windows.delete(old)
        if (windows.size >= MAX_KEYS) windows.delete(windows.keys().next().value ?? '')
      }
      windows.set(key, { count: 1, endsAt: now + windowMs })
      return true
    },
  }
}
