// The installation as it is against what it should be. The doctor, a repair and the inspect lane ask for it; whoever may
// read what root reads finds the same differences, since the plan that is approved is made of them.
import type { Drift } from '#proto/contract/installation.ts'
import type { Layout } from './layout.ts'
import type { Outside } from './outside.ts'

export type Survey = {
  /** The version in use; empty when that cannot be told. */
  version: string
  checkedAt: number
  drifts: Drift[]
  /** Unix ms; 0 when there is no certificate that can be read. */
  certificateExpiresAt: number
  pinnedVersion: string
  minimumVersion: string
  /** What this account may not look at; empty for root and for the inspect lane. */
  unseen: string[]
}

/** Never throws because something is damaged: what is damaged is a difference. */
export async function surveyInstallation(_host: { layout: Layout; now(): number; outside: Outside }): Promise<Survey> {
  throw new Error('not yet')
}
