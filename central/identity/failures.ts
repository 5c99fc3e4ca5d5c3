// Sign-ins that failed, counted for the audit log: one line a minute for each account, and one for all the names that
// nobody has. What was typed as a name is in none of them: it may be a password in the wrong field.
import type { Logger } from 'pino'
import type { Clock } from '../domain/clock.ts'

const EVERY = 60_000

/** `userId` is undefined for names that nobody has. `address` is where the last attempt came from. */
export type Failures = { userId: string | undefined; attempts: number; address: string }
export type OnFailures = (failures: Failures) => Promise<void>

type Tally = { attempts: number; address: string; nextAt: number }

export function createFailures({ clock, log, write }: { clock: Clock; log: Logger; write: OnFailures }) {
  const tallies = new Map<string | undefined, Tally>()

  async function tellOf(userId: string | undefined, tally: Tally): Promise<void> {
    const { attempts, address } = tally
    tally.attempts = 0
    tally.nextAt = clock.now() + EVERY
    try {
      await write({ userId, attempts, address })
    } catch (error) {
      tally.attempts += attempts
      log.error({ err: error }, 'failed sign-ins not written down')
    }
  }

  return {
    /** The first one is told at once, those of the next minute together. */
    add({ userId, address }: { userId: string | undefined; address: string }): void {
      const tally = tallies.get(userId) ?? { attempts: 0, address, nextAt: 0 }
      tallies.set(userId, tally)
      tally.attempts++
      tally.address = address
      if (tally.nextAt <= clock.now()) void tellOf(userId, tally)
    },

    /** What is still to be told. Called now and then. */
    async tell(): Promise<void> {
      for (const [userId, tally] of tallies) {
        if (tally.attempts > 0) await tellOf(userId, tally)
        else if (tally.nextAt <= clock.now()) tallies.delete(userId)
      }
    },
  }
}
