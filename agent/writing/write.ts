// Changes of files that the host's owner lets be managed: written or deleted in one step, bound to what was there when it
// was approved, kept so that it can be undone. Runs as root, in the act lane.
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fsyncSync,
  futimesSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { CatalogueError } from '#proto/contract/errors.ts'
import { copyAttributes } from '../process/attributes.ts'
import { type Diff, diffContents } from '../reading/diff.ts'
import { reopen, within } from '../reading/walk.ts'
import { dropPreimage, keepPreimage, loadPreimage, type Preimage } from './preimages.ts'
import {
  changed,
  checkRevision,
  checkUnchanged,
  type Planning,
  revisionOf,
  type Target,
  targetOf,
  WRITE_MAX,
  type Writing,
} from './target.ts'

/** `expected`: the revision that the plan showed; undefined where there was no file. */
export type WriteRequest = { path: string; content: Buffer; expected: string | undefined }
export type RemoveRequest = {
  path: string
  expected: string
  /** A file that is too large to be kept goes for good, when that was approved. */
  forGood?: boolean
}
export type Changed = { path: string; revision: string | undefined; undo: string | undefined }
export type Plan = {
  path: string
  expected: string | undefined
  /** Undefined where one side is no text, or too long. */
  diff: Diff | undefined
  size: { before: number | undefined; after: number | undefined }
  /** As they will be. */
  attributes: Attributes
  canUndo: boolean
}
type Attributes = { mode: number; uid: number; gid: number }

const NEW_MODE = 0o644

/** What a write (a deletion, without content) would do, for the approval; changes nothing. */
export function planChange(writing: Planning, path: string, content?: Buffer): Plan {
  const target = targetOf(writing, path)
  try {
    const { present } = target
    const size = { before: present && Number(present.held.stat.size), after: content?.length }
    const canUndo = present === undefined || present.content !== undefined
    const diff = canUndo ? diffIfText(target, content, writing.hostKey) : undefined
    return { path: target.path, expected: present?.revision, diff, size, attributes: attributesFor(target), canUndo }
  } finally {
    target.close()
  }
}

export function writeFile(writing: Writing, { path, content, expected }: WriteRequest): Changed {
  if (content.length > WRITE_MAX) throw new CatalogueError('OUTPUT_TOO_LARGE', { path, limit: WRITE_MAX })
  return withTarget(writing, path, (target) => {
    checkRevision(target, expected)
    return put(writing, target, content)
  })
}

export function removeFile(writing: Writing, { path, expected, forGood = false }: RemoveRequest): Changed {
  return withTarget(writing, path, (target) => {
    if (!target.present) throw new CatalogueError('NOT_FOUND', { path })
    checkRevision(target, expected)
    return takeAway(writing, target, forGood)
  })
}

/** Back to what was before that change, unless somebody has changed it since. Can be undone itself. */
export function undoChange(writing: Writing, id: string): Changed {
  const preimage = loadPreimage(writing.preimages, id)
  const done = withTarget(writing, preimage.path, (target) => {
    if (target.path !== preimage.path) throw changed(preimage.path)
    checkRevision(target, preimage.after)
    const { before } = preimage
    return before ? put(writing, target, before.content, before) : takeAway(writing, target, false)
  })
  dropPreimage(writing.preimages, id)
  return done
}

function withTarget<T>(writing: Writing, path: string, work: (target: Target) => T): T {
  const target = targetOf(writing, path)
  try {
    return work(target)
  } finally {
    target.close()
  }
}

function diffIfText({ path, present }: Target, after: Buffer | undefined, hostKey: Buffer): Diff | undefined {
  try {
    return diffContents(path, present?.content, after ?? Buffer.alloc(0), hostKey)
  } catch (error) {
    if (error instanceof CatalogueError) return undefined
    throw error
  }
}

function put(writing: Writing, target: Target, content: Buffer, attributes?: Attributes): Changed {
  const revision = revisionOf(writing.hostKey, content)
  const undo = keepPreimage(writing.preimages, preimageOf(target, revision))
  const { directory, name } = target
  const beside = within(directory.fd, `.mttrly-${randomBytes(8).toString('hex')}.partial`)
  try {
    writeBeside(beside, target, content, attributes)
    checkUnchanged(target)
    if (target.present) renameSync(beside, within(directory.fd, name))
    else linkNew(beside, target)
  } catch (error) {
    dropPreimage(writing.preimages, undo)
    throw error
  } finally {
    rmSync(beside, { force: true })
  }
  syncHeld(target)
  return { path: target.path, revision, undo }
}

function takeAway(writing: Writing, target: Target, forGood: boolean): Changed {
  const { present, path } = target
  if (present && !present.content && !forGood)
    throw new CatalogueError('OUTPUT_TOO_LARGE', { path, limit: WRITE_MAX, reason: 'cannot_be_undone' })
  const undo = present?.content ? keepPreimage(writing.preimages, preimageOf(target, undefined)) : undefined
  try {
    checkUnchanged(target)
    rmSync(within(target.directory.fd, target.name))
  } catch (error) {
    if (undo) dropPreimage(writing.preimages, undo)
    throw error
  }
  syncHeld(target)
  return { path, revision: undefined, undo }
}

function preimageOf({ path, present }: Target, after: string | undefined): Preimage {
  if (!present) return { path, after, before: undefined }
  if (!present.content) throw new CatalogueError('OUTPUT_TOO_LARGE', { path, limit: WRITE_MAX })
  const { mode, uid, gid } = present.held.stat
  const attributes = { mode: Number(mode) & 0o777, uid: Number(uid), gid: Number(gid) }
  return { path, after, before: { content: present.content, ...attributes } }
}

/** On disk, with the attributes of what it replaces; a new file belongs to whom the directory belongs. */
function writeBeside(beside: string, target: Target, content: Buffer, given: Attributes | undefined): void {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants
  const fd = openSync(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
  try {
    for (let at = 0; at < content.length; ) at += writeSync(fd, content, at)
    if (target.present) copyAttributes(target.present.held.fd, fd)
    const { uid, gid, mode } = given ?? attributesFor(target)
    fchownSync(fd, uid, gid)
    fchmodSync(fd, mode)
    futimesSync(fd, new Date(), new Date())
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

function attributesFor({ present, directory }: Target): Attributes {
  const { uid, gid, mode } = (present?.held ?? directory).stat
  return { uid: Number(uid), gid: Number(gid), mode: present ? Number(mode) & 0o777 : NEW_MODE }
}

/** link(2) takes no name that is taken meanwhile. */
function linkNew(beside: string, { directory, name, path }: Target): void {
  try {
    linkSync(beside, within(directory.fd, name))
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'EEXIST' ? changed(path) : error
  }
}

function syncHeld({ directory }: Target): void {
  const fd = reopen(directory, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
