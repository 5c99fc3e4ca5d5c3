// Brings a release to this host: verifies the manifest before anything of it is believed, each archive before it is
// unpacked, and puts the files in place beside what is in use. Nothing is switched. Updates and repairs call it.
import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, symlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { sha256 } from '#proto/contract/grant.ts'
import {
  compareVersions,
  MANIFEST_FILE,
  type ReleaseArtifact,
  type ReleaseManifest,
  type ReleaseRefusal,
  refuseRelease,
  SIGNATURE_FILE,
  verifyManifest,
} from '#proto/contract/release.ts'
import { readIfThere, replaceFile, writeNew } from '../files/durable-file.ts'
import type { Layout } from './layout.ts'
import { isWhole, place, type Whole } from './place.ts'
import { isFull, LIMITS_OF_RELEASE, type RefusalCode, Refused } from './refused.ts'
import { releaseSource, type Source } from './release-source.ts'
import { unpack } from './unpack.ts'

export type StageOptions = {
  layout: Layout
  /** Central must serve this version. */
  version: string
  /** Of the manifest's bytes that a person approved; a repair by hand, which brings back what was, may have none. */
  manifestSha256?: string
  /** The version in use: nothing older is taken. */
  installed: string
  now: number
  arch: string
  source?: Source
  /** What must stay free. */
  slack?: number
}
export type Staged =
  | { ok: true; manifest: ReleaseManifest; brought: Kind[] }
  | { ok: false; why: RefusalCode; detail: string }

/** In this order: a version is in place only when what it runs on is. */
const KINDS = ['runtime', 'agent'] as const
type Kind = (typeof KINDS)[number]
type Archive = Extract<ReleaseArtifact, { kind: Kind }>

const REFUSALS: Record<
  ReleaseRefusal,
  (manifest: ReleaseManifest, host: { installed: string; arch: string }) => string
> = {
  expired: ({ version, expires }) => `the release ${version} has expired (${expires}): Central needs a newer one`,
  clock: ({ created }) => `the release is from ${created}: the clock of this host or of its builder is wrong`,
  older: ({ version }, { installed }) => `this host has ${installed}, and the release is only ${version}`,
  below_minimum: ({ version }) => `${version} was withdrawn: a release that this host has seen forbids it`,
  architecture: ({ version }, { arch }) => `the release ${version} has nothing for ${arch}`,
}

export async function stageRelease(options: StageOptions): Promise<Staged> {
  const { layout } = options
  try {
    const source = options.source ?? releaseSource(believedCentral(layout))
    const signed = await fetchManifest(options, source)
    const brought = await bring(signed, options, source)
    return { ok: true, manifest: signed.manifest, brought }
  } catch (error) {
    if (error instanceof Refused) return { ok: false, why: error.code, detail: error.message }
    if (isFull(error)) return { ok: false, why: 'space', detail: `${layout.home} is full` }
    throw error
  } finally {
    rmSync(layout.staging, { recursive: true, force: true })
  }
}

function believedCentral({ centralUrl }: Layout): string {
  const central = readIfThere(centralUrl)?.toString('utf8').trim()
  if (!central || !URL.canParse(central)) throw new Refused('no_key', `${centralUrl} does not name Central`)
  return central
}

function believedKey({ releaseKey }: Layout): KeyObject {
  try {
    return createPublicKey(readIfThere(releaseKey) ?? '')
  } catch {
    throw new Refused('no_key', `${releaseKey} holds no key`)
  }
}

type Signed = { manifest: ReleaseManifest; bytes: Buffer; signature: Buffer }

async function fetchManifest(options: StageOptions, source: Source): Promise<Signed> {
  const { layout, manifestSha256, version } = options
  const key = believedKey(layout)
  const bytes = await source.read(MANIFEST_FILE, LIMITS_OF_RELEASE.manifest)
  const signature = await source.read(SIGNATURE_FILE, LIMITS_OF_RELEASE.signature)
  const verified = verifyManifest(bytes, signature, key)
  if (!verified.ok) throw new Refused(verified.why, `the manifest is not to be believed: ${verified.detail}`)
  const { manifest } = verified
  if (manifestSha256 !== undefined && sha256(bytes) !== manifestSha256)
    throw new Refused('not_approved', `Central serves another manifest (${manifest.version}) than was approved`)
  if (manifest.version !== version)
    throw new Refused('another_version', `Central serves ${manifest.version}, not ${version}`)
  const minimum = raiseMinimum(layout, manifest.minimum_version)
  const refused = refuseRelease(manifest, { ...options, minimum })
  if (refused) throw new Refused(refused, REFUSALS[refused](manifest, options))
  return { manifest, bytes, signature }
}

/** What a genuine release has withdrawn stays withdrawn, whatever Central serves later. */
function raiseMinimum({ minimumVersion }: Layout, minimum: string): string {
  const known = readMinimum(minimumVersion)
  if (known !== undefined && compareVersions(known, minimum) >= 0) return known
  replaceFile(minimumVersion, `${minimum}\n`)
  return minimum
}

function readMinimum(path: string): string | undefined {
  const text = readIfThere(path)?.toString('utf8').trim()
  try {
    return text && compareVersions(text, text) === 0 ? text : undefined
  } catch {
    return undefined
  }
}

async function bring({ manifest, bytes, signature }: Signed, options: StageOptions, source: Source): Promise<Kind[]> {
  const { layout, arch } = options
  const archives = Object.fromEntries(
    manifest.artifacts.filter((one) => one.arch === arch).map((one) => [one.kind, one]),
  ) as { [K in Kind]: Extract<Archive, { kind: K }> }
  const links = { node: `../../runtime/${archives.runtime.id}/node` }
  const own = [
    { path: MANIFEST_FILE, mode: '0644', sha256: sha256(bytes) },
    { path: SIGNATURE_FILE, mode: '0644', sha256: sha256(signature) },
  ] as const
  const contents = (kind: Kind) => manifest.contents.filter((file) => file.kind === kind && file.arch === arch)
  const places: Record<Kind, { target: string; whole: Whole }> = {
    runtime: { target: join(layout.runtimes, archives.runtime.id), whole: { files: contents('runtime'), links: {} } },
    agent: {
      target: join(layout.versions, manifest.version),
      whole: { files: [...contents('agent'), ...own], links },
    },
  }
  const lacking = KINDS.filter((kind) => !isWhole(places[kind].target, places[kind].whole))
  rmSync(layout.staging, { recursive: true, force: true })
  requireSpace(
    layout,
    lacking.map((kind) => archives[kind]),
    options.slack ?? LIMITS_OF_RELEASE.slack,
  )
  mkdirSync(layout.staging, { mode: 0o700 })
  for (const kind of lacking) {
    const into = join(layout.staging, kind)
    const archive = await download(archives[kind], layout, source)
    await unpack(archive, into, contents(kind), archives[kind].unpacked)
    rmSync(archive)
    if (kind === 'agent') {
      symlinkSync(links.node, join(into, 'node'))
      writeNew(join(into, MANIFEST_FILE), bytes, 0o644)
      writeNew(join(into, SIGNATURE_FILE), signature, 0o644)
    }
  }
  for (const kind of lacking) place(join(layout.staging, kind), places[kind].target)
  return lacking
}

function requireSpace({ home }: Layout, archives: readonly Archive[], slack: number): void {
  if (archives.length === 0) return
  const { bavail, bsize } = statfsSync(home)
  const need = archives.reduce((sum, { size, unpacked }) => sum + size + unpacked, slack)
  const [free, needed] = [bavail * bsize, need].map((bytes) => Math.ceil(bytes / 1_048_576))
  if (bavail * bsize < need) throw new Refused('space', `${home} has ${free} MB free, and ${needed} MB are needed`)
}

async function download({ file, size, sha256 }: Archive, { staging }: Layout, source: Source): Promise<string> {
  const path = join(staging, file)
  const hash = createHash('sha256')
  const fd = openSync(path, 'wx', 0o600)
  try {
    for await (const piece of source.pieces(file, size)) {
      hash.update(piece)
      for (let at = 0; at < piece.length; ) at += writeSync(fd, piece, at)
    }
  } finally {
    closeSync(fd)
  }
  if (hash.digest('hex') !== sha256)
    throw new Refused('hash', `${file} is not what the release says: it was changed on its way, and not unpacked`)
  return path
}
