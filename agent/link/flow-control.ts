// Credit: how much output may be sent for one request before Central has granted more.

export type Credit = ReturnType<typeof createCredit>

export function createCredit(initial: number, stop: AbortSignal) {
  let left = initial
  let wake = (): void => {}
  stop.addEventListener('abort', () => wake(), { once: true })
  return {
    add(bytes: number): void {
      left += bytes
      wake()
    },
    /** Up to `most` bytes, as soon as there are any; 0 once stopped. One taker at a time. */
    async take(most: number): Promise<number> {
      while (left <= 0 && !stop.aborted) await new Promise<void>((resolve) => (wake = resolve))
      if (stop.aborted) return 0
      const taken = Math.min(most, left)
      left -= taken
      return taken
    },
  }
}
