// Guessing is made slow. An attempt is counted before it is checked, so that parallel guesses do not pass together;
// a success forgets the count. After FREE attempts each further one waits, twice as long every time.
import type { Clock } from '../domain/clock.ts'
import type { AttemptsStore } from '../storage/attempts.ts'

const FIRST_WAIT = 30_000
const LONGEST_WAIT = 15 * 60_000
/** A subject without an attempt for this long starts anew. */
const FORGET = 24 * 3_600_000

/** What is counted, and how many attempts are free. Many people can share an address. */
export const FREE_ATTEMPTS = { account: 5, factor: 5, address: 20, setup: 20 } as const
export type Subject = keyof typeof FREE_ATTEMPTS

export type Throttle = ReturnType<typeof createThrottle>
export type Admission = { admitted: true } | { admitted: false; retryAfterMs: number }

export function createThrottle({ store, clock }: { store: AttemptsStore; clock: Clock }) {
  const wait = (count: number, free: number): number =>
    count < free ? 0 : Math.min(FIRST_WAIT * 2 ** Math.min(count - free, 10), LONGEST_WAIT)

  /** Counts one attempt; refused ones are not counted, so that waiting ends. */
  async function admit(kind: Subject, who: string): Promise<Admission> {
    const subject = `${kind}:${who}`
    for (;;) {
      const now = clock.now()
      const before = await store.get(subject)
      const count = before && before.window_ends_at > now ? before.count : 0
      const lastAt = before ? before.window_ends_at - FORGET : 0
      const retryAfterMs = lastAt + wait(count, FREE_ATTEMPTS[kind]) - now
      if (count > 0 && retryAfterMs > 0) return { admitted: false, retryAfterMs }
      if (await store.replace(before, { subject, count: count + 1, window_ends_at: now + FORGET })) {
        return { admitted: true }
      }
    }
  }

  return {
    /** All subjects must admit the attempt. */
    async admit(...subjects: readonly (readonly [Subject, string])[]): Promise<Admission> {
      for (const [kind, who] of subjects) {
        const admission = await admit(kind, who)
        if (!admission.admitted) return admission
      }
      return { admitted: true }
    },
    succeeded: (kind: Subject, who: string): Promise<void> => store.remove(`${kind}:${who}`),

    /** Takes one attempt back: an address that many share is not locked by successes, nor freed by somebody's own. */
    async refund(kind: Subject, who: string): Promise<void> {
      const row = await store.get(`${kind}:${who}`)
      if (row && row.count > 0) await store.replace(row, { ...row, count: row.count - 1 })
    },
  }
}
