// One at a time among installer, update and repair: the lock that install.sh takes as well (man 1 flock). A companion holds it,
// and lets go when it is told to or when we are gone.
import { once } from 'node:events'
import { ENVIRONMENT } from './script.ts'
import { startCompanion } from './spawn.ts'

/** @returns undefined when somebody else has kept it for so long, and nothing was done */
export async function whileLocked<T>(
  directory: string,
  waitSeconds: number,
  act: () => Promise<T>,
): Promise<T | undefined> {
  const holder = startCompanion(['flock', `--timeout=${waitSeconds}`, directory, 'cat'], ENVIRONMENT)
  holder.input.write('locked\n')
  const locked = await Promise.race([once(holder.output, 'data'), holder.ended.then(() => undefined)])
  if (locked === undefined) return undefined
  try {
    return await act()
  } finally {
    holder.input.end()
    await holder.ended
  }
}
