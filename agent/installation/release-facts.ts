// The files of the version in use, against the manifest that came signed with them; and the links that lead to them.
import { createPublicKey, type KeyObject } from 'node:crypto'
import { basename, join } from 'node:path'
import type { Drift } from '#proto/contract/installation.ts'
import {
  compareVersions,
  isVersion,
  MANIFEST_FILE,
  type ReleaseManifest,
  SIGNATURE_FILE,
  verifyManifest,
} from '#proto/contract/release.ts'
import type { AccountFacts } from './account-facts.ts'
import { type Layout, layoutUnder, placeOf } from './layout.ts'
import type { Look, Seen } from './look.ts'
import { compare, type Expectation } from './path-facts.ts'

export type FileFacts = Seen & { sha256: string | undefined; target: string | undefined }
export type ReleaseFacts = {
  version: string
  manifest: ReleaseManifest | undefined
  /** Why the manifest cannot be relied on; undefined when it can. */
  untrusted: string | undefined
  /** What lies in the version's and the runtime's directory, at the top of /opt/mttrly and at the links, by place. */
  found: ReadonlyMap<string, FileFacts>
}

const HOST = layoutUnder('/')
/** `.staging` is an installer's or an update's. */
const AT_HOME = ['current', 'runtime', 'versions', '.staging']
/** So that a directory full of foreign files is one difference and not ten thousand. */
const NAMED_AT_MOST = 20

/** What `current` names; where it names nothing, what was recorded, or the newest that is there. */
export function versionInUse(look: Look, layout: Layout): string {
  const named = /^versions\/([^/]+)$/.exec(look.target(layout.current) ?? '')?.[1] ?? ''
  if (isVersion(named)) return named
  const present = look.names(layout.versions).filter(isVersion).sort(compareVersions)
  const recorded = /"version":"([^"]+)"/.exec(look.text(layout.record) ?? '')?.[1] ?? ''
  return present.includes(recorded) ? recorded : (present.at(-1) ?? '')
}

export function readReleaseKey(look: Look, layout: Layout): KeyObject | undefined {
  try {
    const key = createPublicKey(look.text(layout.releaseKey) ?? '')
    return key.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? key : undefined
  } catch {
    return undefined
  }
}

function readManifest(look: Look, layout: Layout, version: string): Pick<ReleaseFacts, 'manifest' | 'untrusted'> {
  const [content, signature] = [MANIFEST_FILE, SIGNATURE_FILE].map((name) =>
    look.bytes(join(layout.versions, version, name)),
  )
  if (!content || !signature) return { manifest: undefined, untrusted: 'missing' }
  const key = readReleaseKey(look, layout)
  if (!key) return { manifest: undefined, untrusted: undefined } // PIN_MISSING says so
  const verified = verifyManifest(content, signature, key)
  if (!verified.ok) return { manifest: undefined, untrusted: verified.why === 'signature' ? 'not signed' : 'damaged' }
  if (verified.manifest.version !== version)
    return { manifest: undefined, untrusted: `of ${verified.manifest.version}` }
  return { manifest: verified.manifest, untrusted: undefined }
}

async function readFile(look: Look, path: string): Promise<FileFacts | undefined> {
  const seen = look.at(path)
  if (!seen) return undefined
  return {
    ...seen,
    sha256: seen.kind === 'file' ? await look.hash(path) : undefined,
    target: seen.kind === 'link' ? look.target(path) : undefined,
  }
}

/** Depth is bounded: a release has no more. */
async function* walk(look: Look, directory: string, depth = 6): AsyncGenerator<[string, FileFacts]> {
  for (const name of look.names(directory)) {
    const path = join(directory, name)
    const facts = await readFile(look, path)
    if (!facts) continue
    yield [path, facts]
    if (facts.kind === 'directory' && depth > 0) yield* walk(look, path, depth - 1)
  }
}

export const runtimeOf = (manifest: ReleaseManifest, arch: string): string =>
  manifest.artifacts.flatMap((artifact) =>
    artifact.kind === 'runtime' && artifact.arch === arch ? artifact.id : [],
  )[0] ?? ''

export async function readRelease(look: Look, layout: Layout, arch: string): Promise<ReleaseFacts> {
  const version = versionInUse(look, layout)
  const { manifest, untrusted } = readManifest(look, layout, version)
  const found = new Map<string, FileFacts>()
  const note = (path: string, facts: FileFacts | undefined): void => {
    if (facts) found.set(placeOf(layout, path), facts)
  }
  for (const path of [layout.current, layout.command]) note(path, await readFile(look, path))
  for (const name of look.names(layout.home))
    if (!AT_HOME.includes(name)) note(join(layout.home, name), await readFile(look, join(layout.home, name)))
  const directories = version === '' ? [] : [join(layout.versions, version)]
  if (manifest) directories.push(join(layout.runtimes, runtimeOf(manifest, arch)))
  for (const directory of directories) {
    note(directory, await readFile(look, directory))
    for await (const [path, facts] of walk(look, directory)) note(path, facts)
  }
  return { version, manifest, untrusted, found }
}

type Expected =
  | { kind: 'file'; mode: number; sha256: string | undefined }
  | { kind: 'directory' }
  | { kind: 'link'; target: string }

/** Everything that a version consists of, by place. */
export function expectedOf(
  version: string,
  manifest: ReleaseManifest | undefined,
  arch: string,
): Map<string, Expected> {
  const expected = new Map<string, Expected>()
  expected.set(HOST.command, { kind: 'link', target: join(HOST.current, basename(HOST.command)) })
  if (version === '') return expected
  expected.set(HOST.current, { kind: 'link', target: `versions/${version}` })
  if (!manifest) return expected
  const runtime = runtimeOf(manifest, arch)
  const directories = { agent: join(HOST.versions, version), runtime: join(HOST.runtimes, runtime) }
  for (const directory of Object.values(directories)) expected.set(directory, { kind: 'directory' })
  for (const { kind, arch: itsArch, path, mode, sha256 } of manifest.contents) {
    if (itsArch !== arch) continue
    const parents = path.split('/').slice(0, -1)
    for (const [i] of parents.entries())
      expected.set(join(directories[kind], ...parents.slice(0, i + 1)), { kind: 'directory' })
    expected.set(join(directories[kind], path), { kind: 'file', mode: Number.parseInt(mode, 8), sha256 })
  }
  for (const name of [MANIFEST_FILE, SIGNATURE_FILE])
    expected.set(join(directories.agent, name), { kind: 'file', mode: 0o644, sha256: undefined })
  expected.set(join(directories.agent, 'node'), { kind: 'link', target: `../../runtime/${runtime}/node` })
  return expected
}

const short = (sha256: string | undefined): string =>
  sha256 === undefined ? 'unreadable' : `sha256 ${sha256.slice(0, 12)}`

function wrongFile(target: string, should: Expected, was: FileFacts | undefined): Drift | undefined {
  if (should.kind === 'link') {
    if (was?.target === should.target) return undefined
    return { code: 'LINK_WRONG', target, was: was?.target ?? was?.kind ?? 'missing', should: should.target }
  }
  if (!was) return { code: 'FILE_MISSING', target, was: 'missing', should: should.kind }
  if (was.kind !== should.kind) return { code: 'FILE_CHANGED', target, was: was.kind, should: should.kind }
  if (should.kind === 'directory' || should.sha256 === undefined || was.sha256 === should.sha256) return undefined
  return { code: 'FILE_CHANGED', target, was: short(was.sha256), should: short(should.sha256) }
}

function extraFiles({ found, manifest }: ReleaseFacts, expected: ReadonlyMap<string, Expected>): Drift[] {
  const inside = (path: string): boolean => manifest !== undefined || !path.startsWith(`${HOST.versions}/`)
  const extra = [...found.keys()].filter((path) => !expected.has(path) && inside(path) && path !== HOST.current)
  const outermost = extra.filter((path) => !extra.some((other) => path.startsWith(`${other}/`)))
  const more = outermost.length - NAMED_AT_MOST
  const drift = (target: string): Drift => ({ code: 'FILE_EXTRA', target, was: 'there', should: 'not there' })
  return [
    ...outermost.slice(0, NAMED_AT_MOST).map(drift),
    ...(more > 0 ? [{ ...drift('and more'), was: `${more} more` }] : []),
  ]
}

export function releaseDrifts(facts: ReleaseFacts, arch: string): Drift[] {
  const { version, manifest, untrusted, found } = facts
  const expected = expectedOf(version, manifest, arch)
  const drifts = [...expected].flatMap(([path, should]) => wrongFile(path, should, found.get(path)) ?? [])
  if (untrusted !== undefined) {
    const target = join(HOST.versions, version, MANIFEST_FILE)
    drifts.push({ code: 'RELEASE_UNSIGNED', target, was: untrusted, should: 'signed by the release key' })
  }
  if (version === '')
    drifts.push({
      code: 'LINK_WRONG',
      target: HOST.current,
      was: found.get(HOST.current)?.target ?? 'missing',
      should: 'a version',
    })
  return [...drifts, ...extraFiles(facts, expected)]
}

/** Who may change a release's files. What is missing, or is something else, has been said. */
export function releasePathDrifts(
  { version, manifest, found }: ReleaseFacts,
  arch: string,
  accounts: AccountFacts,
): Drift[] {
  const rows = [...expectedOf(version, manifest, arch)].flatMap(([place, expected]): [string, Expectation][] => {
    if (expected.kind === 'link' || found.get(place)?.kind !== expected.kind) return []
    const mode = expected.kind === 'directory' ? 0o755 : expected.mode
    return [[place, { kind: expected.kind, mode, owner: 'root:root' }]]
  })
  return compare(rows, found, accounts)
}
