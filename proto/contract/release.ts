// A release: what its signed manifest says, whether it is genuine, and whether a host may take it. Used by whoever builds
// releases, by Central, which serves them, and by the agent's updater; the installer reads the same bytes with sed, which
// is why `formatManifest` puts every object on a line of its own.
import { type KeyObject, sign, verify } from 'node:crypto'
import { z } from 'zod'

export const ARCHITECTURES = ['x64', 'arm64'] as const
export type Architecture = (typeof ARCHITECTURES)[number]

export const MANIFEST_FILE = 'manifest.json'
export const SIGNATURE_FILE = 'manifest.sig'
export const RELEASE_KEY_FILE = 'release.pub'
export const INSTALLER_FILE = 'install.sh'

const VERSION = /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?$/
export const isVersion = (text: string): boolean => text.length <= 64 && VERSION.test(text)
const version = z.string().max(64).regex(VERSION)
const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const bytes = z.number().int().nonnegative()
/** One name, never a path: it is joined to a directory by Central and by hosts. */
const file = z.string().regex(/^[a-z0-9][A-Za-z0-9._-]{0,150}$/)
const path = z.string().regex(/^(?!\.)[A-Za-z0-9@._-]{1,100}(?:\/(?!\.)[A-Za-z0-9@._-]{1,100}){0,5}$/)
const arch = z.enum(ARCHITECTURES)
const common = { file, sha256, size: bytes, unpacked: bytes }

const Artifact = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('agent'), arch, ...common }),
  z.strictObject({
    kind: z.literal('runtime'),
    arch,
    ...common,
    /** First 16 hex digits of the SHA-256 of the binary: where a host keeps it. */
    id: z.string().regex(/^[0-9a-f]{16}$/),
    node: version,
  }),
  z.strictObject({ kind: z.literal('installer'), arch: z.literal('any'), ...common }),
])

const ReleaseManifest = z
  .strictObject({
    format: z.literal(1),
    version,
    capability_version: z.number().int().positive(),
    /** Nothing older may be installed any more, not even by going back. */
    minimum_version: version,
    created: z.iso.datetime(),
    expires: z.iso.datetime(),
    artifacts: z.array(Artifact).min(1).max(50),
    /** Every file that an artifact unpacks to. */
    contents: z
      .array(z.strictObject({ kind: z.enum(['agent', 'runtime']), arch, path, mode: z.enum(['0644', '0755']), sha256 }))
      .max(2_000),
  })
  .refine(({ artifacts }) => new Set(artifacts.map((artifact) => artifact.file)).size === artifacts.length, {
    error: 'two artifacts of one name',
  })
export type ReleaseManifest = z.infer<typeof ReleaseManifest>
export type ReleaseArtifact = ReleaseManifest['artifacts'][number]

const lines = (list: readonly unknown[]): string => `[\n${list.map((entry) => JSON.stringify(entry)).join(',\n')}\n]`

/** The bytes that are signed. */
export function formatManifest(manifest: ReleaseManifest): Buffer {
  const fields = Object.entries(ReleaseManifest.parse(manifest)).map(
    ([name, value]) => `${JSON.stringify(name)}:${Array.isArray(value) ? lines(value) : JSON.stringify(value)}`,
  )
  return Buffer.from(`{\n${fields.join(',\n')}\n}\n`)
}

/** ECDSA P-256 over SHA-256, DER: what `openssl dgst -sha256 -verify` of any age checks. */
export function signManifest(content: Buffer, releaseKey: KeyObject): Buffer {
  requireP256(releaseKey)
  return sign('sha256', content, releaseKey)
}

function requireP256(key: KeyObject): void {
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new TypeError('a release key is an ECDSA P-256 key')
}

export type Verified =
  | { ok: true; manifest: ReleaseManifest }
  | { ok: false; why: 'signature' | 'form'; detail: string }

/** Genuine or not; nothing is parsed before the signature has been checked. */
export function verifyManifest(content: Buffer, signature: Buffer, publicKey: KeyObject): Verified {
  requireP256(publicKey)
  if (!verify('sha256', content, publicKey, signature))
    return { ok: false, why: 'signature', detail: 'the signature is not by the release key' }
  try {
    return { ok: true, manifest: ReleaseManifest.parse(JSON.parse(content.toString('utf8'))) }
  } catch (error) {
    const detail = error instanceof z.ZodError ? z.prettifyError(error) : String(error)
    return { ok: false, why: 'form', detail }
  }
}

/** Semantic Versioning 2.0.0, section 11. @returns below, at or above 0 */
export function compareVersions(left: string, right: string): number {
  const [a, b] = [partsOf(left), partsOf(right)]
  for (let i = 0; i < 3; i += 1) if (a.numbers[i] !== b.numbers[i]) return (a.numbers[i] ?? 0) - (b.numbers[i] ?? 0)
  if (a.labels.length === 0 || b.labels.length === 0) return b.labels.length - a.labels.length
  for (let i = 0; i < Math.min(a.labels.length, b.labels.length); i += 1) {
    const difference = compareLabels(a.labels[i] ?? '', b.labels[i] ?? '')
    if (difference !== 0) return difference
  }
  return a.labels.length - b.labels.length
}

function partsOf(text: string): { numbers: number[]; labels: string[] } {
  const match = VERSION.exec(text)
  if (!match) throw new TypeError(`not a version: ${text}`)
  return { numbers: match.slice(1, 4).map(Number), labels: match[4]?.split('.') ?? [] }
}

function compareLabels(a: string, b: string): number {
  const numeric = [a, b].map((label) => /^\d+$/.test(label))
  if (numeric[0] && numeric[1]) return Number(a) - Number(b)
  if (numeric[0] !== numeric[1]) return numeric[0] ? -1 : 1
  return a < b ? -1 : a > b ? 1 : 0
}

export type ReleaseRefusal = 'expired' | 'clock' | 'older' | 'below_minimum' | 'architecture'

/** A release that claims to be from further ahead than this says that a clock is wrong. */
const CLOCK_TOLERANCE = 24 * 3_600_000

/**
 * Why a host may not take a genuine release; undefined when it may. `installed` is what it runs now, `minimum` the highest
 * minimum version that any manifest has told it: a withdrawn version stays withdrawn.
 */
export function refuseRelease(
  manifest: Pick<ReleaseManifest, 'version' | 'minimum_version' | 'created' | 'expires' | 'artifacts'>,
  host: { now: number; arch: string; installed?: string; minimum?: string },
): ReleaseRefusal | undefined {
  const floors = [manifest.minimum_version, ...(host.minimum === undefined ? [] : [host.minimum])]
  if (Date.parse(manifest.created) > host.now + CLOCK_TOLERANCE) return 'clock'
  if (Date.parse(manifest.expires) <= host.now) return 'expired'
  if (host.installed !== undefined && compareVersions(manifest.version, host.installed) < 0) return 'older'
  if (floors.some((floor) => compareVersions(manifest.version, floor) < 0)) return 'below_minimum'
  const kinds = manifest.artifacts.filter((artifact) => artifact.arch === host.arch).map(({ kind }) => kind)
  return kinds.includes('agent') && kinds.includes('runtime') ? undefined : 'architecture'
}
