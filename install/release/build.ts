// Puts a release together: bundle, native parts and install logic into archives, the archives into a signed manifest.
// The same checkout, packages, version and time give the same bytes, but for the signature, which holds a random number.
import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { chmodSync, existsSync, globSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CAPABILITY_VERSION } from '#proto/contract/capability-version.ts'
import {
  ARCHITECTURES,
  type Architecture,
  formatManifest,
  INSTALLER_FILE,
  MANIFEST_FILE,
  RELEASE_KEY_FILE,
  type ReleaseArtifact,
  type ReleaseManifest,
  SIGNATURE_FILE,
  signManifest,
  verifyManifest,
} from '#proto/contract/release.ts'
import { bundleAgent } from './bundle.ts'
import type { Natives } from './packages.ts'
import { type Packed, packTarGz } from './tar.ts'

export type ReleaseOptions = {
  /** The checkout. */
  root: string
  out: string
  version: string
  minimumVersion: string
  /** Unix ms. */
  created: number
  expires: number
  key: KeyObject
  natives: (arch: Architecture) => Natives
}

type Content = ReleaseManifest['contents'][number]
type Archive = { artifact: ReleaseArtifact; contents: Content[]; bytes: Buffer }

const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex')

export async function buildRelease(options: ReleaseOptions): Promise<ReleaseManifest> {
  const { root, version } = options
  const shared = [...(await bundleAgent(root, version)).files, ...installLogic(root)]
  const archives = ARCHITECTURES.flatMap((arch) => {
    const natives = options.natives(arch)
    return [agentArchive(arch, version, shared, natives), runtimeArchive(arch, natives)]
  })
  archives.push(installer(root))
  const manifest: ReleaseManifest = {
    format: 1,
    version,
    capability_version: CAPABILITY_VERSION,
    minimum_version: options.minimumVersion,
    created: new Date(options.created).toISOString(),
    expires: new Date(options.expires).toISOString(),
    artifacts: archives.map(({ artifact }) => artifact),
    contents: archives.flatMap(({ contents }) => contents),
  }
  writeRelease(options, manifest, archives)
  return manifest
}

/** Unit files and scripts, as they lie in install/agent. */
function installLogic(root: string): Packed[] {
  const directory = join(root, 'install/agent')
  return globSync('**', { cwd: directory, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.md'))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => path !== join(directory, INSTALLER_FILE))
    .map((path) => {
      const content = readFileSync(path)
      return {
        path: path.slice(directory.length + 1),
        mode: content.toString('latin1', 0, 2) === '#!' ? 0o755 : 0o644,
        content,
      }
    })
}

const modeText = (mode: Packed['mode']): Content['mode'] => (mode === 0o755 ? '0755' : '0644')
const sum = (files: readonly Packed[]): number => files.reduce((total, { content }) => total + content.length, 0)

const contentsOf = (kind: Content['kind'], arch: Architecture, files: readonly Packed[]): Content[] =>
  files
    .map(({ path, mode, content }) => ({ kind, arch, path, mode: modeText(mode), sha256: sha256(content) }))
    .sort((a, b) => (a.path < b.path ? -1 : 1))

function agentArchive(arch: Architecture, version: string, shared: readonly Packed[], natives: Natives): Archive {
  const files: Packed[] = [...shared, { path: 'pty.node', mode: 0o644, content: natives.pty }]
  const bytes = packTarGz(files)
  const file = `mttrly-agent-${version}-${arch}.tar.gz`
  return {
    artifact: { kind: 'agent', arch, file, sha256: sha256(bytes), size: bytes.length, unpacked: sum(files) },
    contents: contentsOf('agent', arch, files),
    bytes,
  }
}

function runtimeArchive(arch: Architecture, natives: Natives): Archive {
  const files: Packed[] = [
    { path: 'node', mode: 0o755, content: natives.node },
    { path: 'LICENSE', mode: 0o644, content: natives.nodeLicense },
  ]
  const id = sha256(natives.node).slice(0, 16)
  const file = `node-${id}-${arch}.tar.gz`
  const bytes = packTarGz(files)
  const sizes = { sha256: sha256(bytes), size: bytes.length, unpacked: sum(files) }
  return {
    artifact: { kind: 'runtime', arch, file, ...sizes, id, node: natives.nodeVersion },
    contents: contentsOf('runtime', arch, files),
    bytes,
  }
}

function installer(root: string): Archive {
  const bytes = readFileSync(join(root, 'install/agent', INSTALLER_FILE))
  const sizes = { sha256: sha256(bytes), size: bytes.length, unpacked: bytes.length }
  return { artifact: { kind: 'installer', arch: 'any', file: INSTALLER_FILE, ...sizes }, contents: [], bytes }
}

/** Archives first, then what names them: who reads meanwhile has the old release or the new one. */
function writeRelease({ out, key }: ReleaseOptions, manifest: ReleaseManifest, archives: readonly Archive[]): void {
  mkdirSync(out, { recursive: true })
  const publicKey = createPublicKey(key)
  const content = formatManifest(manifest)
  for (const { artifact, bytes } of archives) replaceFile(join(out, artifact.file), bytes)
  replaceFile(join(out, RELEASE_KEY_FILE), Buffer.from(publicKey.export({ type: 'spki', format: 'pem' })))
  const present = readOr(join(out, MANIFEST_FILE))
  const signature = readOr(join(out, SIGNATURE_FILE))
  if (present?.equals(content) && signature && verifyManifest(content, signature, publicKey).ok) return
  replaceFile(join(out, SIGNATURE_FILE), signManifest(content, key))
  replaceFile(join(out, MANIFEST_FILE), content)
}

const readOr = (path: string): Buffer | undefined => (existsSync(path) ? readFileSync(path) : undefined)

function replaceFile(path: string, content: Buffer): void {
  const aside = `${path}.partial`
  writeFileSync(aside, content)
  chmodSync(aside, 0o644)
  renameSync(aside, path)
}
