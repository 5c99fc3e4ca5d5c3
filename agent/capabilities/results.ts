// What the capabilities that only look share: how long, and what a lane's answer is to Central.
import { CatalogueError } from '#proto/contract/errors.ts'
import { LIMITS } from '#proto/contract/limits.ts'
import type { Answer } from '../lanes/lanes.ts'

export const timeoutOf = (asked: number): number => Math.min(asked || LIMITS.runDefault, LIMITS.runMax)

/** @throws CatalogueError what the lane refused, or that it was lost */
export function resultOf<Result>(answer: Answer<Result>): Result {
  if (answer.kind === 'outcome') return answer.outcome
  if (answer.kind === 'refusal') throw new CatalogueError(answer.refusal.code, answer.refusal.details)
  throw new CatalogueError('INTERNAL_ERROR', { reason: 'lane_lost' })
}
