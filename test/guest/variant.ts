// Another version of a release that is there already, made in a second: the same runtime and the programs of this
// checkout, with something done to them. So there are versions that do not start, or crash after a while.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sha256 } from '#proto/contract/grant.ts'
import {
  formatManifest,
  MANIFEST_FILE,
  type ReleaseManifest,
  SIGNATURE_FILE,
  signManifest,
} from '#proto/contract/release.ts'
import { bundleAgent } from '../../install/release/bundle.ts'
import { type Packed, packTarGz, unpackTarGz } from '../../install/release/tar.ts'
import { ROOT } from '../helpers/release.ts'
import { releaseKey } from './world.ts'

/** What is put before the daemon's program. */
export type Change = string

const bundles = new Map<string, Promise<readonly Packed[]>>()

function bundleOf(version: string): Promise<readonly Packed[]> {
  const bundle = bundles.get(version) ?? bundleAgent(ROOT, version).then(({ files }) => files)
  bundles.set(version, bundle)
  return bundle
}

const changed = (file: Packed, before: Change): Packed =>
  file.path === 'agent.mjs' ? { ...file, content: Buffer.concat([Buffer.from(`${before}\n`), file.content]) } : file

/** Serves that version from now on. @returns the SHA-256 of its manifest, as it would be approved */
export async function serveVariant(releases: string, version: string, before: Change = ''): Promise<string> {
  const base: ReleaseManifest = JSON.parse(readFileSync(join(releases, MANIFEST_FILE), 'utf8'))
  const programs = (await bundleOf(version)).map((file) => changed(file, before))
  const manifest: ReleaseManifest = { ...base, version, contents: base.contents.filter(({ kind }) => kind !== 'agent') }
  manifest.artifacts = base.artifacts.map((artifact) => {
    if (artifact.kind !== 'agent') return artifact
    const { arch } = artifact
    const modes = new Map(
      base.contents.flatMap((file) => (file.kind === 'agent' && file.arch === arch ? [[file.path, file.mode]] : [])),
    )
    const kept = [...unpackTarGz(readFileSync(join(releases, artifact.file)))]
      .filter(([path]) => !/\.mjs$|^licenses\.txt$/.test(path))
      .map(([path, content]): Packed => ({ path, mode: modes.get(path) === '0755' ? 0o755 : 0o644, content }))
    const files = [...kept, ...programs]
    const bytes = packTarGz(files)
    const file = `mttrly-agent-${version}-${arch}.tar.gz`
    writeFileSync(join(releases, file), bytes)
    manifest.contents.push(
      ...files.map(({ path, mode, content }) => ({
        ...{ kind: 'agent' as const, arch, path, sha256: sha256(content) },
        mode: mode === 0o755 ? ('0755' as const) : ('0644' as const),
      })),
    )
    const unpacked = files.reduce((sum, { content }) => sum + content.length, 0)
    return { kind: 'agent', arch, file, sha256: sha256(bytes), size: bytes.length, unpacked }
  })
  const content = formatManifest(manifest)
  writeFileSync(join(releases, SIGNATURE_FILE), signManifest(content, releaseKey()))
  writeFileSync(join(releases, MANIFEST_FILE), content)
  return sha256(content)
}
