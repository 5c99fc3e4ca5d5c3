// Credit: how much output may be sent for one request before Central has granted more.

export type Credit = ReturnType<typeof createCredit>

export function createCredit(initial: number, stop: readonly AbortSignal[]) {
  let left = initial
  let wake = (): void => {}
  const wakeUp = (): void => wake()
  const stopped = (): boolean => stop.some(({ aborted }) => aborted)
  for (const signal of stop) signal.addEventListener('abort', wakeUp)
  return {
    add(bytes: number): void {
      left += bytes
      wake()
    },
    /** No taker comes any more. The signals of a stream outlive its requests by months. */
    close(): void {
      for (const signal of stop) signal.removeEventListener('abort', wakeUp)
    },
    /** Up to `most` bytes, as soon as there are any; 0 once stopped. One taker at a time. */
    async take(most: number): Promise<number> {
      while (left <= 0 && !stopped()) await new Promise<void>((resolve) => (wake = resolve))
      if (stopped()) return 0
      const taken = Math.min(most, left)
      left -= taken
      return taken
    },
  }
}
