// What a request may reach on this host, asked of the descriptor that was reached. The only way to a file's bytes.
import { closeSync, constants, fstatSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { CatalogueError } from '#proto/contract/errors.ts'
import type { FileRefusal, FileRules, Ring } from '../guard/file-rules.ts'
import { refuseRead } from '../guard/file-rules.ts'
import { type Held, type Reached, reopen, Stuck, walk, within } from './walk.ts'

export type ReadRing = Exclude<Ring, 'managed'>
export type Reach = {
  /** `/`, or a directory that stands in for it. */
  readonly root: string
  readonly rules: FileRules
  /** Identities of what is secret, and the real path of each. */
  readonly secrets: ReadonlyMap<string, string>
  readonly hostKey: Buffer | undefined
  /** What a path is called without bind mounts (mounts.ts). */
  readonly firstName?: (path: string) => string
  /** Milliseconds that only grow. */
  readonly clock: () => number
}

/** Ready to be read; `path` is the real one. */
export type Opened = { fd: number; path: string; size: number; modifiedAt: number; held: Held; close(): void }
export type Refused = FileRefusal | 'another_name_of_a_secret' | 'hard_link' | 'not_a_file' | 'moved'

/** Why a real path is not allowed, if it is not. */
export type Rule = (path: string) => FileRefusal | undefined

export const identityOf = ({ dev, ino }: { dev: bigint; ino: bigint }): string => `${dev}:${ino}`

/** @param paths real ones, as secretPaths() gives them */
export function identitiesOf(root: string, paths: readonly string[]): Map<string, string> {
  const found = new Map<string, string>()
  for (const path of paths) {
    const stat = statSync(join(root, path), { bigint: true, throwIfNoEntry: false })
    if (stat) found.set(identityOf(stat), path)
  }
  return found
}

export const denied = (reason: string, path: string, more: object = {}): CatalogueError =>
  new CatalogueError('POLICY_DENIED', { reason, path, source: 'host_policy', ...more })

/**
 * Whether somebody could have given the inode of another place this name. What not everybody may read has one name only:
 * a secret that is hidden from whoever reads could not be known again by its other one.
 */
function isForeignLink(entry: Held, directory: Held | undefined): boolean {
  const { nlink, uid, mode } = entry.stat
  if (nlink === 1n || directory === undefined) return false
  return (mode & 0o004n) === 0n || uid !== directory.stat.uid || (directory.stat.mode & 0o022n) !== 0n
}

/** A secret may have other names: a bind mount of it or of a directory above it, a hard link. */
export function isSecretElsewhere(reach: Reach, held: Held): boolean {
  const secret = reach.secrets.get(identityOf(held.stat))
  return secret !== undefined && secret !== held.path
}

/** The rules, asked about a path and about what it is a second name of; that one need not be on a list, only on none against it. */
export function refuseBy({ firstName }: Reach, refuse: Rule, path: string): FileRefusal | undefined {
  const first = firstName?.(path) ?? path
  const refused = refuse(path)
  if (refused || first === path) return refused
  const before = refuse(first)
  return before === 'not_allowlisted' ? undefined : before
}

/** Why a file that is held may not be read. */
export function refuseFile(reach: Reach, entry: Held, directory: Held | undefined, refuse: Rule): Refused | undefined {
  const refused = refuseBy(reach, refuse, entry.path)
  if (refused) return refused
  if (isSecretElsewhere(reach, entry)) return 'another_name_of_a_secret'
  if (!entry.stat.isFile()) return 'not_a_file'
  return isForeignLink(entry, directory) ? 'hard_link' : undefined
}

/** A directory that was renamed while it was walked has another name now than the one that was asked about. */
export function hasMoved(reach: Reach, held: Held): boolean {
  const root = realpathSync(reach.root)
  return readlinkSync(within(held.fd)) !== join(root, held.path)
}

/** The way to a path, for who then asks the rules. What the rules would not show is not said to be missing either. */
export function reachPath(reach: Reach, path: string, refuse: Rule): Reached {
  try {
    const reached = walk(reach.root, path)
    try {
      const refused = refuseBy(reach, refuse, reached.path)
      if (refused) throw denied(refused, path)
      const stray = [...reached.chain, ...(reached.entry ? [reached.entry] : [])].find((held) =>
        isSecretElsewhere(reach, held),
      )
      if (stray) throw denied('another_name_of_a_secret', path)
      return reached
    } catch (error) {
      reached.close()
      throw error
    }
  } catch (error) {
    if (!(error instanceof Stuck)) throw error
    const refused = error.code === 'KERNEL' ? 'not_allowlisted' : refuseBy(reach, refuse, error.path)
    if (refused) throw denied(refused, path)
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') throw new CatalogueError('NOT_FOUND', { path })
    throw denied(error.code === 'ELOOP' ? 'too_many_links' : 'not_readable', path, { errno: error.code })
  }
}

/** Where a path leads, if the rules let that be known. */
export function realPathOf(reach: Reach, path: string, ring: ReadRing): string {
  const reached = reachPath(reach, path, (real) => refuseRead(reach.rules, real, ring))
  reached.close()
  return reached.path
}

export function openFile(reach: Reach, path: string, ring: ReadRing): Opened {
  return openBy(reach, path, (real) => refuseRead(reach.rules, real, ring))
}

/** @param refuse the rules, asked about the real path */
export function openBy(reach: Reach, path: string, refuse: Rule): Opened {
  const reached = reachPath(reach, path, refuse)
  try {
    const { entry } = reached
    if (!entry) throw new CatalogueError('NOT_FOUND', { path })
    const refused =
      refuseFile(reach, entry, reached.chain.at(-1), refuse) ?? (hasMoved(reach, entry) ? 'moved' : undefined)
    if (refused) throw denied(refused, path)
    return openHeld(entry, reached.close)
  } catch (error) {
    reached.close()
    throw notReadable(error, path)
  }
}

/** A held file whose reading was allowed. */
export function openHeld(held: Held, release: () => void): Opened {
  const fd = reopen(held, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  const { size, mtimeMs } = fstatSync(fd)
  const close = (): void => {
    closeSync(fd)
    release()
  }
  return { fd, path: held.path, size, modifiedAt: Math.trunc(mtimeMs), held, close }
}

function notReadable(error: unknown, path: string): unknown {
  const { code } = error as NodeJS.ErrnoException
  return code === 'EACCES' || code === 'EPERM' ? denied('not_readable', path, { errno: code }) : error
}
