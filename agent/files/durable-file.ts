// Files that survive a crash and a power cut: complete and on disk, or not there at all. Journal and lanes import it.

import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'

export const errorCode = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | undefined)?.code

/** fsync of a directory: without it a new name can be lost with the power (man 2 fsync). */
export function syncDirectory(directory: string): void {
  const fd = openSync(directory, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Creates a directory that only its owner enters, and makes its name durable. */
export function makePrivateDirectory(directory: string): void {
  if (mkdirSync(directory, { recursive: true, mode: 0o700 }) !== undefined) syncDirectory(dirname(directory))
}

/** Its content is on disk when this returns; its name is, once its directory has been synced. */
export function writeNew(path: string, content: string | Buffer, mode: number): void {
  const fd = openSync(path, 'wx', mode)
  try {
    const bytes = Buffer.from(content)
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
    fsyncSync(fd)
  } catch (error) {
    rmSync(path, { force: true })
    throw error
  } finally {
    closeSync(fd)
  }
}

function writeBeside(path: string, content: string | Buffer, mode: number): string {
  const beside = join(dirname(path), `.${randomBytes(8).toString('hex')}.partial`)
  writeNew(beside, content, mode)
  return beside
}

/** Replaces a file in one step: temp, fsync, rename, fsync of the directory. */
export function replaceFile(path: string, content: string | Buffer, mode = 0o600): void {
  const beside = writeBeside(path, content, mode)
  try {
    renameSync(beside, path)
  } catch (error) {
    rmSync(beside, { force: true })
    throw error
  }
  syncDirectory(dirname(path))
}

/**
 * Creates a file that must not exist yet, with its whole content: O_EXCL's meaning by link(2), so that no crash leaves
 * an empty or torn one. @returns false when the name is taken
 */
export function createOnce(path: string, content: string | Buffer, mode = 0o600): boolean {
  const beside = writeBeside(path, content, mode)
  try {
    linkSync(beside, path)
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    throw error
  } finally {
    rmSync(beside, { force: true })
  }
  syncDirectory(dirname(path))
  return true
}

/** Removes a file for good. */
export function removeFile(path: string): void {
  rmSync(path, { force: true })
  syncDirectory(dirname(path))
}

/** Not waited for: a pipe that somebody has put there is empty. */
export function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path, { flag: constants.O_RDONLY | constants.O_NONBLOCK })
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}
