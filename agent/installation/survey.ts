// The installation as it is against what it should be. The doctor, a repair and the inspect lane ask for it; whoever may
// read what root reads finds the same differences, since the plan that is approved is made of them.
import type { Drift } from '#proto/contract/installation.ts'
import { accountDrifts, readAccountFacts } from './account-facts.ts'
import { certificateExpiry, identityDrifts, readIdentityFacts } from './identity-facts.ts'
import { type Layout, placeOf } from './layout.ts'
import { createLook } from './look.ts'
import type { Outside } from './outside.ts'
import { pathDrifts, readPaths } from './path-facts.ts'
import { readRelease, releaseDrifts, releasePathDrifts } from './release-facts.ts'
import { withLines } from './right-text.ts'
import { readSurroundings, surroundingDrifts } from './surroundings.ts'
import { bounded } from './text-diff.ts'
import { hasJustStarted, readUnits, unitDrifts } from './unit-facts.ts'

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
export async function surveyInstallation({
  layout,
  now,
  outside,
  arch = process.arch,
}: {
  layout: Layout
  now(): number
  outside: Outside
  arch?: string
}): Promise<Survey> {
  const look = createLook()
  const checkedAt = now()
  const accounts = readAccountFacts(look, layout)
  const identity = readIdentityFacts(look, layout)
  const paths = readPaths(look, layout)
  const [release, surroundings] = await Promise.all([
    readRelease(look, layout, arch),
    readSurroundings(look, layout, outside, identity.centralUrl),
  ])
  const { version } = release
  const units = await readUnits(look, layout, release, arch, outside.units)

  const drifts = [
    ...withLines(releaseDrifts(release, arch), release, layout, arch),
    ...releasePathDrifts(release, arch, accounts),
    ...accountDrifts(accounts),
    ...pathDrifts(paths, accounts),
    ...unitDrifts(units, accounts),
    ...identityDrifts(identity, version, checkedAt),
    ...surroundingDrifts({ ...surroundings, starting: hasJustStarted(units) }, now()),
  ]
  const unseen = look.unseen().map((path) => placeOf(layout, path))
  const hidden = ({ target }: Drift): boolean => unseen.some((place) => `${target}/`.startsWith(`${place}/`))
  return {
    version,
    checkedAt,
    drifts: bounded(drifts.filter((drift) => !hidden(drift))),
    certificateExpiresAt: certificateExpiry(identity),
    pinnedVersion: surroundings.pinnedVersion,
    minimumVersion: look.text(layout.minimumVersion)?.trim() ?? '',
    unseen,
  }
}
