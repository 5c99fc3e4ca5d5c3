// The lines that differ in a script or unit of the release, where what it should be still lies somewhere on this host: as the
// unit that systemd has, or in another version. For the eye alone: no digest holds them. Imported by survey.ts.
import { basename, join } from 'node:path'
import { sha256 } from '#proto/contract/grant.ts'
import type { Drift } from '#proto/contract/installation.ts'
import { type Layout, placeOf } from './layout.ts'
import { createLook, type Look } from './look.ts'
import type { ReleaseFacts } from './release-facts.ts'
import { textDiff } from './text-diff.ts'

/** What people write and read; a bundled program is neither. */
const READ_BY_PEOPLE = /(?:\.(?:sh|service|socket|yaml|txt)|\/mttrly-agent)$/

/** Of its own look: what it may not see here changes nothing of what was found. */
export function withLines(drifts: readonly Drift[], release: ReleaseFacts, layout: Layout, arch: string): Drift[] {
  const look = createLook()
  const version = join(layout.versions, release.version)
  return drifts.map((drift) => {
    const { code, target } = drift
    const entry = release.manifest?.contents.find(
      (file) => file.kind === 'agent' && file.arch === arch && placeOf(layout, join(version, file.path)) === target,
    )
    if (code !== 'FILE_CHANGED' || !entry || !READ_BY_PEOPLE.test(target)) return drift
    const should = elsewhere(entry, look, layout)
    return should === undefined
      ? drift
      : { ...drift, ...textDiff(target, look.text(join(version, entry.path)), should) }
  })
}

function elsewhere({ path, sha256: wanted }: { path: string; sha256: string }, look: Look, layout: Layout) {
  const places = look.names(layout.versions).map((version) => join(layout.versions, version, path))
  if (path.startsWith('units/')) places.unshift(join(layout.units, basename(path)))
  for (const place of places) {
    const text = look.text(place)
    if (text !== undefined && sha256(text) === wanted) return text
  }
  return undefined
}
