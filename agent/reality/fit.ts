// A snapshot that fits into one answer: of a host with uncommonly much, the end of the longest lists is left out and counted.
import { MOST, type Section, SNAPSHOT_MAX, type Snapshot } from '#proto/contract/reality.ts'

const sizeOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value))

export function fit(snapshot: Snapshot, most = SNAPSHOT_MAX): Snapshot {
  let fitted = snapshot
  for (let rest = sizeOf(fitted) - most; rest > 0; rest = sizeOf(fitted) - most) {
    const sizes = (Object.keys(MOST) as Section[]).map((section) => ({ section, size: sizeOf(fitted[section]) }))
    const { section } = sizes.reduce((a, b) => (b.size > a.size ? b : a))
    const list = fitted[section] ?? []
    if (list.length === 0) return withoutPackages(fitted)
    const kept = list.slice(0, Math.floor(list.length / 2))
    const omitted = { ...fitted.omitted, [section]: (fitted.omitted[section] ?? 0) + list.length - kept.length }
    fitted = { ...fitted, [section]: kept, omitted }
  }
  return fitted
}

const withoutPackages = (snapshot: Snapshot): Snapshot => ({
  ...snapshot,
  packages: { ...snapshot.packages, installed: {} },
  gaps: [...snapshot.gaps.slice(0, 99), { what: 'versions of packages', why: 'too many to say' }],
})
