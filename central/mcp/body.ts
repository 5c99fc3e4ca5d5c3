// What may come in as a body, before anything looks at what it says.
import { LIMITS } from '#proto/contract/limits.ts'

export const BODY_LIMIT = LIMITS.message

/** Nesting and number of values in one body; beyond them a small body costs a large walk. */
const MAX_DEPTH = 32
const MAX_VALUES = 20_000
/** Messages in one batch (protocol 2025-03-26 alone has them). */
const MAX_BATCH = 16

type Open = { value: object; depth: number }

/** Iterative, since the depth is the sender's choice. */
export function isTooComplex(body: unknown): boolean {
  if (Array.isArray(body) && body.length > MAX_BATCH) return true
  if (typeof body !== 'object' || body === null) return false
  const open: Open[] = [{ value: body, depth: 1 }]
  let seen = 0
  for (let next = open.pop(); next; next = open.pop()) {
    if (next.depth > MAX_DEPTH) return true
    for (const value of Object.values(next.value)) {
      if (++seen > MAX_VALUES) return true
      if (typeof value === 'object' && value !== null) open.push({ value, depth: next.depth + 1 })
    }
  }
  return false
}

/** The tools that a body asks to call, one name a call. */
export function toolsCalledBy(body: unknown): string[] {
  const messages = Array.isArray(body) ? body : [body]
  return messages.flatMap((message) => {
    if (message?.method !== 'tools/call') return []
    return typeof message.params?.name === 'string' ? [message.params.name] : []
  })
}
