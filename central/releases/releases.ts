// The release that this Central offers to hosts: a directory that somebody else has built and signed. Nothing of it is
// offered before its signature has been checked, and nothing but what its manifest names is ever opened. Imported by app
// alone.
import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from 'pino'
import {
  INSTALLER_FILE,
  MANIFEST_FILE,
  type ReleaseArtifact,
  type ReleaseManifest,
  SIGNATURE_FILE,
  verifyManifest,
} from '#proto/contract/release.ts'

export type Release = {
  manifest: ReleaseManifest
  manifestBytes: Buffer
  signature: Buffer
  publicKeyPem: string
  /** The installer with its placeholders. */
  installer: string
}
export type NoRelease = { why: 'none' | 'invalid' | 'expired' }
export type Releases = ReturnType<typeof createReleases>

export function createReleases(rooms: {
  directory: string
  /** PEM of the public half of the release key. */
  keyFile: string
  clock: { now(): number }
  log: Logger
}) {
  const { directory, keyFile, clock, log } = rooms
  let seen: string | undefined
  let found: Release | NoRelease = { why: 'none' }

  /** What the directory holds is judged again when it has changed; until the new release is whole, the one before stays. */
  function look(): void {
    const stamp = stampOf([join(directory, MANIFEST_FILE), join(directory, SIGNATURE_FILE), keyFile])
    if (stamp === seen) return
    seen = stamp
    const read = stamp === undefined ? { why: 'none' as const } : readRelease()
    if ('manifest' in read) log.info({ version: read.manifest.version }, 'a release is served')
    if ('manifest' in read || !('manifest' in found) || read.why === 'none') found = read
  }

  function readRelease(): Release | NoRelease {
    try {
      return openRelease(directory, createPublicKey(readFileSync(keyFile)))
    } catch (error) {
      log.error({ directory, why: (error as Error).message }, 'the release is not served')
      return { why: 'invalid' }
    }
  }

  return {
    current(): Release | NoRelease {
      look()
      const expired = 'manifest' in found && Date.parse(found.manifest.expires) <= clock.now()
      return expired ? { why: 'expired' } : found
    },
    /** An open descriptor of the artifact's file, for the caller to close; undefined when the file is not what was signed for. */
    open({ file, size }: ReleaseArtifact): number | undefined {
      const fd = openRegular(join(directory, file), size)
      if (fd === undefined) log.error({ file }, 'a file of the release is missing or has another size')
      return fd
    },
  }
}

/** @throws Error saying what is wrong with it */
function openRelease(directory: string, publicKey: KeyObject): Release {
  const manifestBytes = readFileSync(join(directory, MANIFEST_FILE))
  const signature = readFileSync(join(directory, SIGNATURE_FILE))
  const verified = verifyManifest(manifestBytes, signature, publicKey)
  if (!verified.ok) throw new Error(verified.detail)
  for (const { file, size } of verified.manifest.artifacts) {
    const fd = openRegular(join(directory, file), size)
    if (fd === undefined) throw new Error(`${file} is missing or has another size`)
    closeSync(fd)
  }
  return {
    manifest: verified.manifest,
    manifestBytes,
    signature,
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    installer: readInstaller(directory, verified.manifest),
  }
}

function readInstaller(directory: string, { artifacts }: ReleaseManifest): string {
  const artifact = artifacts.find(({ kind }) => kind === 'installer')
  if (!artifact) throw new Error('it has no installer')
  const content = readFileSync(join(directory, artifact.file))
  if (createHash('sha256').update(content).digest('hex') !== artifact.sha256)
    throw new Error(`${INSTALLER_FILE} is not the one that was signed for`)
  return content.toString('utf8')
}

/** Never through a link, and never a directory or a device. */
function openRegular(path: string, size: number): number | undefined {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    const stat = fstatSync(fd)
    if (stat.isFile() && stat.size === size) return fd
    closeSync(fd)
  } catch {
    // not there, or a link
  }
}

/** Changes whenever one of the files does; undefined when one is not there. */
function stampOf(paths: readonly string[]): string | undefined {
  try {
    return paths
      .map((path) => statSync(path, { bigint: true }))
      .map(({ ino, size, mtimeNs }) => `${ino}:${size}:${mtimeNs}`)
      .join(' ')
  } catch {
    return undefined
  }
}
