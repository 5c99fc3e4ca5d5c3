// How a statement about the health of a thing is made in this room: what, why, and where that was seen.
import type { Health } from '#proto/contract/reality.ts'

export const judge = (state: Health['state'], why: string, source: string, at: number): Health => ({
  state,
  why,
  evidence: { source, at },
})
