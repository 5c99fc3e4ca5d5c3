// Directories, files and doors of an installation: whether they are there and what they should be, and who may enter.
import { join } from 'node:path'
import type { Drift } from '#proto/contract/installation.ts'
import { type AccountFacts, ownerName } from './account-facts.ts'
import { ACCOUNT, type Layout, layoutUnder, placeOf } from './layout.ts'
import { type Kind, type Look, modeText, type Seen } from './look.ts'

/** By place. */
export type PathFacts = ReadonlyMap<string, Seen>
export type Expectation = { kind: Kind; mode: number | undefined; owner: string; optional?: boolean }

const HOST = layoutUnder('/')
const ROOT = 'root:root'
const DAEMON = `${ACCOUNT}:${ACCOUNT}`
const open = { kind: 'directory', mode: 0o755, owner: ROOT } as const
const secret = { kind: 'file', mode: 0o600, owner: ROOT, optional: true } as const

/** What is `optional` here is missed by somebody else, who knows what it is for. */
const EXPECTED: readonly [place: string, expectation: Expectation][] = [
  [HOST.home, open],
  [HOST.versions, open],
  [HOST.runtimes, open],
  [HOST.config, open],
  [HOST.policy, { kind: 'file', mode: 0o644, owner: ROOT }],
  [HOST.act, { kind: 'directory', mode: 0o700, owner: ROOT }],
  [HOST.trust, secret],
  [HOST.releaseKey, secret],
  [HOST.centralUrl, secret],
  [HOST.record, secret],
  [HOST.sockets, { ...open, optional: true }],
  [HOST.state, { kind: 'directory', mode: 0o700, owner: DAEMON }],
  [HOST.identity, { kind: 'file', mode: 0o600, owner: DAEMON, optional: true }],
]

/** Nobody but root and the daemon looks at these, the inspect lane neither: they are no part of a plan. */
const CLOSED: readonly [place: string, kind: Kind, bytes?: number][] = [
  [join(HOST.state, 'journal'), 'directory'],
  [join(HOST.state, 'cache'), 'directory'],
  [join(HOST.state, 'candidate.json'), 'file'],
  [HOST.hostKey, 'file', 32],
]
const NAMED = new Set([...EXPECTED, ...CLOSED].map(([place]) => place))
/** What systemd puts in the place of what a unit may not see (man 5 systemd.exec, InaccessiblePaths=). */
const isCovered = ({ mode }: Seen): boolean => mode === 0

export function readPaths(look: Look, layout: Layout): PathFacts {
  const here = (place: string): string => join(layout.root, place)
  const own = look.at(layout.state)?.kind === 'directory' ? look.names(layout.state) : []
  const places = [...NAMED, ...own.map((name) => join(HOST.state, name))]
  return new Map(
    places.flatMap((place) => {
      const seen = look.at(here(place))
      return seen ? [[placeOf(layout, here(place)), seen] as const] : []
    }),
  )
}

/** What lies in the daemon's directory is the daemon's: what is not, it cannot write. */
const ofTheDaemon = (found: PathFacts): [string, Expectation][] =>
  [...found].flatMap(([place, { kind }]) =>
    place.startsWith(`${HOST.state}/`) && !NAMED.has(place) ? [[place, { kind, mode: undefined, owner: DAEMON }]] : [],
  )

function closedDrifts(found: PathFacts): Drift[] {
  return CLOSED.flatMap(([target, kind, bytes]): Drift[] => {
    const seen = found.get(target)
    const good = seen?.kind === kind && (bytes === undefined || seen.size === bytes)
    if (!seen || good || isCovered(seen)) return []
    return [{ code: 'STATE_DAMAGED', target, was: seen.kind === kind ? 'damaged' : seen.kind, should: kind }]
  })
}

export const pathDrifts = (found: PathFacts, accounts: AccountFacts): Drift[] => [
  ...compare([...EXPECTED, ...ofTheDaemon(found)], found, accounts),
  ...closedDrifts(found),
]

export function compare(
  expected: readonly (readonly [place: string, expectation: Expectation])[],
  found: ReadonlyMap<string, Seen>,
  accounts: AccountFacts,
): Drift[] {
  return expected.flatMap(([target, { kind, mode, owner, optional }]): Drift[] => {
    const seen = found.get(target)
    if (!seen) return optional ? [] : [{ code: 'PATH_MISSING', target, was: 'missing', should: kind }]
    if (seen.kind !== kind) return [{ code: 'PATH_KIND', target, was: seen.kind, should: kind }]
    const wrong: Drift[] = []
    if (mode !== undefined && seen.mode !== mode)
      wrong.push({ code: 'PATH_MODE', target, was: modeText(seen.mode), should: modeText(mode) })
    const is = ownerName(accounts, seen)
    if (is !== owner) wrong.push({ code: 'PATH_OWNER', target, was: is, should: owner })
    return wrong
  })
}
