// Directories of a release on disk: whether one is whole, and putting one in place so that a power cut at any moment
// leaves the old or the new, never half of either.
import { createHash } from 'node:crypto'
import {
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { syncDirectory } from '../files/durable-file.ts'
import type { Wanted } from './unpack.ts'

/** What a directory should hold, and nothing else. */
export type Whole = { files: readonly Wanted[]; links: Readonly<Record<string, string>> }

const PIECE = 1_048_576

export function sha256OfFile(path: string): string {
  const hash = createHash('sha256')
  const piece = Buffer.alloc(PIECE)
  const fd = openSync(path, 'r')
  try {
    for (let length = readSync(fd, piece); length > 0; length = readSync(fd, piece))
      hash.update(piece.subarray(0, length))
  } finally {
    closeSync(fd)
  }
  return hash.digest('hex')
}

/** Everything under a directory but directories, as paths relative to it; links are not followed. */
function entriesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
}

const isDirectory = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true

function isAsWanted(path: string, { mode, sha256 }: Wanted): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  return (
    stat?.isFile() === true &&
    (stat.mode & 0o7777) === Number.parseInt(mode, 8) &&
    stat.uid === process.getuid?.() &&
    sha256OfFile(path) === sha256
  )
}

function isLinkTo(path: string, target: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true && readlinkSync(path) === target
}

export function isWhole(directory: string, { files, links }: Whole): boolean {
  if (!isDirectory(directory)) return false
  return (
    entriesIn(directory).length === files.length + Object.keys(links).length &&
    files.every((file) => isAsWanted(join(directory, file.path), file)) &&
    Object.entries(links).every(([path, target]) => isLinkTo(join(directory, path), target))
  )
}

/** Names are on disk when their directories are; the contents of the files were when they were written. */
export function syncTree(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true }))
    if (entry.isDirectory()) syncTree(join(directory, entry.name))
  syncDirectory(directory)
}

/** Puts a whole directory in the place of what is there, or of nothing. Both are on one file system. */
export function place(whole: string, target: string): void {
  const parent = dirname(target)
  if (mkdirSync(parent, { recursive: true, mode: 0o755 }) !== undefined) syncDirectory(dirname(parent))
  syncTree(whole)
  if (isDirectory(target)) replaceFiles(whole, target)
  else {
    rmSync(target, { force: true })
    renameSync(whole, target)
  }
  syncDirectory(parent)
}

/** A directory in use cannot be exchanged in one step, but each of its files can. */
function replaceFiles(whole: string, target: string): void {
  const wanted = entriesIn(whole)
  for (const path of wanted) {
    makeDirectories(target, dirname(path))
    const at = join(target, path)
    if (isDirectory(at)) rmSync(at, { recursive: true })
    renameSync(join(whole, path), at)
  }
  for (const path of entriesIn(target)) if (!wanted.includes(path)) rmSync(join(target, path))
  syncTree(target)
}

/** What stands where a directory should be is removed: a link would lead elsewhere. */
function makeDirectories(root: string, path: string): void {
  if (path === '.') return
  makeDirectories(root, dirname(path))
  const at = join(root, path)
  if (isDirectory(at)) return
  rmSync(at, { force: true })
  mkdirSync(at, { mode: 0o755 })
}
