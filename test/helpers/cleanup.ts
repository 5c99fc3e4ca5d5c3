import { rmSync } from 'node:fs'

/** Stands in for `t.after` where many tests share something: run once they are over, the last one first. */
export function createCleanup() {
  const hooks: (() => unknown)[] = []
  return {
    after: (hook?: unknown) => void hooks.push(hook as () => unknown),
    removeAfter: (directory: string) => void hooks.push(() => rmSync(directory, { recursive: true, force: true })),
    async run(): Promise<void> {
      const faults: unknown[] = []
      for (const hook of hooks.splice(0).reverse()) {
        try {
          await hook()
        } catch (error) {
          faults.push(error)
        }
      }
      if (faults.length > 0) throw new AggregateError(faults, String(faults[0]))
    },
  }
}
