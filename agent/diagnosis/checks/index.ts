// Every check, in no order that matters.
import type { Check } from '../check.ts'

export const CHECKS: readonly Check[] = []
