// The units, against those of the version in use: their files, what overrides them wherever systemd looks (man 5
// systemd.unit), whether they start with the host, and whether they run.
import { basename, join } from 'node:path'
import { sha256 } from '#proto/contract/grant.ts'
import type { Drift } from '#proto/contract/installation.ts'
import type { ReleaseManifest } from '#proto/contract/release.ts'
import { type AccountFacts, ownerName } from './account-facts.ts'
import { ACCOUNT, type Layout, layoutUnder, placeOf } from './layout.ts'
import { type Look, modeText, type Seen } from './look.ts'
import type { UnitProperties } from './outside.ts'
import { textDiff } from './text-diff.ts'

type Found = Seen & { text: string | undefined; target: string | undefined }
export type UnitFacts = {
  /** By name: what the unit's file should be. The text is the version's own, where that is whole. */
  expected: ReadonlyMap<string, { sha256: string; text: string }>
  /** Everything of our name where systemd looks for units, by place. */
  found: ReadonlyMap<string, Found>
  /** Names in `<target>.wants`. */
  wanted: ReadonlyMap<string, string[]>
  /** The files behind `ListenStream=`. */
  doors: ReadonlyMap<string, Seen>
  /** What systemd says; undefined when it does not answer. */
  states: ReadonlyMap<string, UnitProperties> | undefined
}

const HOST = layoutUnder('/')
const DAEMON = `${ACCOUNT}:${ACCOUNT}`
/** Strongest first; the units that we install are in /etc/systemd/system. */
const WHERE_SYSTEMD_LOOKS = [
  'etc/systemd/system.control',
  'run/systemd/system.control',
  'run/systemd/transient',
  'run/systemd/generator.early',
  'etc/systemd/system',
  'run/systemd/system',
  'run/systemd/generator',
  'usr/local/lib/systemd/system',
  'usr/lib/systemd/system',
  'run/systemd/generator.late',
]
/** Written when the lane's socket opens, from policy.yaml (mttrly-lane-read.socket). */
const OUR_DROP_INS = /^\/run\/systemd\/system\/mttrly-lane-[a-z]+@\.service\.d\/hidden\.conf$/

const valuesOf = (text: string, key: string): string[] =>
  text.split('\n').flatMap((line) => (line.startsWith(`${key}=`) ? line.slice(key.length + 1).split(' ') : []))
const isTemplate = (name: string): boolean => name.includes('@.')
const isUnit = (name: string): boolean => /\.(service|socket|timer|path|slice|target)$/.test(name)

function readExpected(
  look: Look,
  layout: Layout,
  version: string,
  manifest: ReleaseManifest | undefined,
  arch: string,
) {
  const directory = join(layout.versions, version, 'units')
  const textOf = (name: string): string | undefined => look.text(join(directory, name))
  const signed = manifest?.contents.flatMap(({ kind, arch: its, path, sha256 }) =>
    kind === 'agent' && its === arch && path.startsWith('units/') ? [[basename(path), sha256] as const] : [],
  )
  const unsigned = look.names(directory).map((name) => [name, sha256(textOf(name) ?? '')] as const)
  return new Map(
    (signed ?? unsigned).map(([name, hash]) => {
      const text = [textOf(name), look.text(join(layout.units, name))].find((text) => sha256(text ?? '') === hash)
      return [name, { sha256: hash, text: text ?? '' }] as const
    }),
  )
}

/** Ours by name, and what lies in directories of drop-ins. */
function readFound(look: Look, layout: Layout): UnitFacts['found'] {
  const found = new Map<string, Found>()
  const note = (path: string): void => {
    const seen = look.at(path)
    if (!seen) return
    found.set(placeOf(layout, path), { ...seen, text: look.text(path), target: look.target(path) })
    if (seen.kind === 'directory') for (const name of look.names(path)) note(join(path, name))
  }
  for (const place of WHERE_SYSTEMD_LOOKS)
    for (const name of look.names(join(layout.root, place)))
      if (name.startsWith('mttrly-')) note(join(layout.root, place, name))
  return found
}

export async function readUnits(
  look: Look,
  layout: Layout,
  release: { version: string; manifest: ReleaseManifest | undefined },
  arch: string,
  ask: (names: readonly string[]) => Promise<ReadonlyMap<string, UnitProperties> | undefined>,
): Promise<UnitFacts> {
  const expected = readExpected(look, layout, release.version, release.manifest, arch)
  const texts = [...expected.values()].map(({ text }) => text)
  const targets = new Set(texts.flatMap((text) => valuesOf(text, 'WantedBy')))
  const doors = texts.flatMap((text) => valuesOf(text, 'ListenStream'))
  const running = [...expected.keys()].filter((name) => !isTemplate(name))
  return {
    expected,
    found: readFound(look, layout),
    wanted: new Map([...targets].map((target) => [target, look.names(join(layout.units, `${target}.wants`))])),
    doors: new Map(
      doors.flatMap((place) => {
        const seen = look.at(join(layout.root, place))
        return seen ? [[place, seen] as const] : []
      }),
    ),
    states: running.length > 0 ? await ask(running) : undefined,
  }
}

function fileDrift(
  place: string,
  should: { sha256: string; text: string },
  was: Found | undefined,
  accounts: AccountFacts,
): Drift[] {
  const target = basename(place)
  if (!was) return [{ code: 'UNIT_MISSING', target, was: 'missing', should: 'as in the release' }]
  if (was.target === '/dev/null' || (was.kind === 'file' && was.text === ''))
    return [{ code: 'UNIT_MASKED', target, was: `masked in ${place}`, should: 'as in the release' }]
  const changed = (was: string, should: string): Drift => ({ code: 'UNIT_CHANGED', target, was, should })
  if (was.kind !== 'file') return [changed(was.target ?? was.kind, 'file')]
  const hash = sha256(was.text ?? '')
  if (hash !== should.sha256) {
    const drift = changed(`sha256 ${hash.slice(0, 12)}`, `sha256 ${should.sha256.slice(0, 12)}`)
    return [{ ...drift, ...(should.text !== '' && textDiff(place, was.text, should.text)) }]
  }
  const permissions = `${modeText(was.mode)} ${ownerName(accounts, was)}`
  return permissions === '0644 root:root' ? [] : [changed(permissions, '0644 root:root')]
}

/** What stands beside our files: a mask or another file of the name in another place, drop-ins, units of no version. */
function beside({ expected, found }: UnitFacts): Drift[] {
  return [...found].flatMap(([place, { kind, text, target: leadsTo }]): Drift[] => {
    const [directory, name] = [place.slice(0, place.lastIndexOf('/')), basename(place)]
    const ownPlace = directory === HOST.units && expected.has(name)
    if (ownPlace || kind === 'directory' || OUR_DROP_INS.test(place)) return []
    const absent = { target: place, should: 'not there' }
    if (expected.has(name) && leadsTo === '/dev/null') return [{ code: 'UNIT_MASKED', ...absent, was: 'masked' }]
    const unit = name.startsWith('mttrly-') && isUnit(name) && !expected.has(name) && !directory.includes('mttrly-')
    return [{ code: unit ? 'UNIT_STRAY' : 'UNIT_OVERRIDDEN', ...absent, was: 'there', ...textDiff(place, text, '') }]
  })
}

/** The clock of systemd's …TimestampMonotonic, in its microseconds. */
const monotonic = (): number => Number(process.hrtime.bigint() / 1_000n)
const CONNECTS_WITHIN = 30_000_000

/** The daemon was started just now, and not because it keeps failing. */
export function hasJustStarted({ states }: Pick<UnitFacts, 'states'>, now = monotonic()): boolean {
  const { InactiveExitTimestampMonotonic: began = '0', NRestarts } = states?.get(`${ACCOUNT}-agent.service`) ?? {}
  return NRestarts === '0' && Number(began) > 0 && now - Number(began) < CONNECTS_WITHIN
}

function runDrifts(name: string, text: string, { wanted, doors, states }: UnitFacts, accounts: AccountFacts): Drift[] {
  const drifts: Drift[] = []
  for (const target of valuesOf(text, 'WantedBy'))
    if (!wanted.get(target)?.includes(name))
      drifts.push({ code: 'UNIT_DISABLED', target: name, was: 'disabled', should: `started by ${target}` })
  const state = states?.get(name)
  if (state && state.ActiveState !== 'active')
    drifts.push({ code: 'UNIT_DOWN', target: name, was: 'down', should: 'active' })
  if (state?.NeedDaemonReload === 'yes')
    drifts.push({ code: 'UNIT_OVERRIDDEN', target: name, was: 'loaded from other files', should: 'as in the release' })
  for (const door of valuesOf(text, 'ListenStream')) {
    const seen = doors.get(door)
    const is = seen ? `${seen.kind} ${modeText(seen.mode)} ${ownerName(accounts, seen)}` : 'missing'
    const should = `socket 0600 ${DAEMON}`
    if (is !== should && state?.ActiveState === 'active')
      drifts.push({ code: 'UNIT_DOWN', target: door, was: is, should })
  }
  return drifts
}

export function unitDrifts(facts: UnitFacts, accounts: AccountFacts): Drift[] {
  const own = [...facts.expected].flatMap(([name, should]) => {
    const place = join(HOST.units, name)
    const wrong = fileDrift(place, should, facts.found.get(place), accounts)
    return isTemplate(name) ? wrong : [...wrong, ...runDrifts(name, should.text, facts, accounts)]
  })
  return [...own, ...beside(facts)]
}
