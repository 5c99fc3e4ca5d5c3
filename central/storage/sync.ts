// When a commit is on the disk. One flush at a time; whoever comes while it runs shares the next one, since the one that
// runs may have begun before their bytes were written.
import { StorageFault } from './faults.ts'

/** `flush` brings all that was written before it was called to the disk. */
export function createSync(flush: () => Promise<void>) {
  let running: Promise<void> = Promise.resolve()
  let next: Promise<void> | undefined
  let broken: StorageFault | undefined

  function check(): void {
    if (broken) throw broken
  }

  /** After a failed flush the kernel forgets what it could not write, and the next flush would claim that all is well. */
  async function flushOnce(): Promise<void> {
    next = undefined
    check()
    try {
      await flush()
    } catch (error) {
      broken = new StorageFault('damaged', error)
      throw broken
    }
  }

  return {
    /** @throws StorageFault once a flush has failed: nothing is to be believed of this file until it is opened anew */
    check,
    /** Resolves when everything committed before the call is on the disk. @throws StorageFault when it may not be */
    wait(): Promise<void> {
      next ??= running.then(flushOnce, flushOnce)
      running = next
      return next
    },
    /** Waits for what is under way. */
    end: (): Promise<void> => running.catch(() => undefined),
  }
}
