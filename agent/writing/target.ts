// What a write or a deletion is about: the directory that is held, the name in it, and what stands there now.
import { createHmac } from 'node:crypto'
import { closeSync, constants, fstatSync } from 'node:fs'
import { basename } from 'node:path'
import type { CatalogueError } from '#proto/contract/errors.ts'
import { refuseWrite } from '../guard/file-rules.ts'
import { denied, hasMoved, type Reach, reachPath } from '../reading/reach.ts'
import { readAt } from '../reading/source.ts'
import { type Held, hold, reopen } from '../reading/walk.ts'

export const WRITE_MAX = 16 * 1024 * 1024

/** Enough to say what a change would do. */
export type Planning = Reach & { readonly hostKey: Buffer }
export type Writing = Planning & {
  /** A directory of root's alone, for what was there before. */
  readonly preimages: string
}
/** `content` is undefined where it is more than can be kept. */
export type Present = { held: Held; content: Buffer | undefined; revision: string }
export type Target = { path: string; name: string; directory: Held; present: Present | undefined; close(): void }

/** The real file behind the path, if the host lets it be written. */
export function targetOf(writing: Planning, path: string): Target {
  const reached = reachPath(writing, path, (real) => refuseWrite(writing.rules, real))
  try {
    const directory = reached.chain.at(-1)
    if (!directory?.stat.isDirectory()) throw denied('not_a_file', path)
    if (hasMoved(writing, directory)) throw denied('moved', path)
    const refused = reached.entry && refusePresent(reached.entry)
    if (refused) throw denied(refused, path)
    const present = reached.entry && presentOf(writing.hostKey, reached.entry)
    return { path: reached.path, name: basename(reached.path), directory, present, close: reached.close }
  } catch (error) {
    reached.close()
    throw error
  }
}

/** With another name the file would be torn in two; with a set-id bit it is a program that others run as its owner. */
function refusePresent({ stat }: Held): string | undefined {
  if (!stat.isFile()) return 'not_a_file'
  if (stat.nlink > 1n) return 'hard_link'
  return (stat.mode & 0o6000n) === 0n ? undefined : 'set_id'
}

function presentOf(hostKey: Buffer, held: Held): Present {
  if (held.stat.size > BigInt(WRITE_MAX))
    return { held, content: undefined, revision: revisionOf(hostKey, marksOf(held)) }
  const fd = reopen(held, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const content = readAt(fd, 0, Number(held.stat.size))
    const now = { ...held, stat: fstatSync(fd, { bigint: true }) }
    if (marksOf(now) !== marksOf(held)) throw changed(held.path)
    return { held, content, revision: revisionOf(hostKey, content) }
  } finally {
    closeSync(fd)
  }
}

/** Names a content without helping to guess it: nobody without the host's key can compute it. */
export const revisionOf = (hostKey: Buffer, content: Buffer | string): string =>
  createHmac('sha256', hostKey).update('revision\0').update(content).digest('hex')

const marksOf = ({ stat }: Held): string => [stat.dev, stat.ino, stat.size, stat.mtimeNs].join()

export const changed = (path: string): CatalogueError => denied('changed_since', path)

/** What was approved is what is there, still. */
export function checkRevision({ path, present }: Target, expected: string | undefined): void {
  if (present?.revision !== expected) throw changed(path)
}

/** Once more, right before the name changes its meaning. */
export function checkUnchanged(target: Target): void {
  const { directory, name, path, present } = target
  let now: Held | undefined
  try {
    now = hold(directory, name)
    if (!present || marksOf(now) !== marksOf(present.held)) throw changed(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || present) throw error
  } finally {
    if (now) closeSync(now.fd)
  }
}
