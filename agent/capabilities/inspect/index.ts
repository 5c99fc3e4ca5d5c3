// Fixed verbs that look at more than everybody may: the work is that of the inspect lane.
import { CatalogueError } from '#proto/contract/errors.ts'
import type { Handlers } from '../handlers.ts'

const noLane = (): never => {
  throw new CatalogueError('POLICY_DENIED', { reason: 'no_isolation' })
}

export const createInspect = () =>
  ({ run: async () => noLane(), installation: async () => noLane() }) satisfies Handlers<'inspect'>
