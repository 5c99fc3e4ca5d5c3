// Not again at once, whichever replica is asked: whose turn it was stands in the database. Imported in this room.
import type { Clock } from '../domain/clock.ts'
import type { AttemptsStore } from '../storage/attempts.ts'

export type Cooldown = ReturnType<typeof createCooldown>

export function createCooldown(
  { attempts, clock }: { attempts: AttemptsStore; clock: Clock },
  of: 'diagnosis' | 'reality',
  length: number,
) {
  return {
    /** Takes the turn for this server. @returns 0, or the seconds until it is free; of two who ask at once one gets it */
    async take(serverId: string): Promise<number> {
      const now = clock.now()
      const subject = `${of}:${serverId}`
      const before = await attempts.get(subject)
      const wait = (before?.window_ends_at ?? 0) - now
      if (wait > 0) return Math.ceil(wait / 1000)
      const taken = await attempts.replace(before, { subject, count: 1, window_ends_at: now + length })
      return taken ? 0 : Math.ceil(length / 1000)
    },
  }
}
