// Token buckets by key, bounded in number.
import type { Clock } from '../domain/clock.ts'

/** `burst` at once, then `perSecond` on average. */
export type Rate = { burst: number; perSecond: number }

type Bucket = { tokens: number; at: number }

/** More keys than this at once and the longest untouched is forgotten, which can only be to its owner's advantage. */
const MAX_KEYS = 10_000

export function createTokenBuckets({ rate, clock }: { rate: Rate; clock: Clock }) {
  const buckets = new Map<string, Bucket>()

  function current(key: string): Bucket {
    const now = clock.now()
    const bucket = buckets.get(key) ?? { tokens: rate.burst, at: now }
    const refill = (Math.max(0, now - bucket.at) / 1000) * rate.perSecond
    return { tokens: Math.min(rate.burst, bucket.tokens + refill), at: now }
  }

  function keep(key: string, bucket: Bucket): void {
    buckets.delete(key)
    buckets.set(key, bucket)
    const oldest = buckets.keys().next()
    if (buckets.size > MAX_KEYS && !oldest.done) buckets.delete(oldest.value)
  }

  /** Takes one. Returns 0, or how many whole seconds to wait until there is one to take. */
  return function take(key: string): number {
    const bucket = current(key)
    const enough = bucket.tokens >= 1
    keep(key, { ...bucket, tokens: bucket.tokens - (enough ? 1 : 0) })
    return enough ? 0 : Math.max(1, Math.ceil((1 - bucket.tokens) / rate.perSecond))
  }
}
