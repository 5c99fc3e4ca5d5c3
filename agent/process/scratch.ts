// Files without a name: a real pipe and a filter to hand to a child. Node can make neither by itself (its 'pipe' is a
// socket, and what opens /dev/stdout or /dev/stderr fails on one).
import { execFileSync } from 'node:child_process'
import { closeSync, constants, fchownSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** In memory where that can be: a host whose disk is full is one to look at. */
function makeDirectory(): string {
  try {
    return mkdtempSync('/dev/shm/mttrly-')
  } catch {
    return mkdtempSync(join(tmpdir(), 'mttrly-'))
  }
}

function inPrivateDirectory<T>(make: (directory: string) => T): T {
  const directory = makeDirectory()
  try {
    return make(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Both ends of a nameless pipe; `owner` may open it again through /dev/stdout. The caller closes both. */
export function openPipe(owner?: number): { read: number; write: number } {
  return inPrivateDirectory((directory) => {
    const path = join(directory, 'pipe')
    execFileSync('/usr/bin/mkfifo', ['-m', '600', path], { stdio: 'ignore', env: {} })
    const read = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const write = openSync(path, constants.O_WRONLY)
    if (owner !== undefined) fchownSync(write, owner, owner)
    return { read, write }
  })
}

/** A nameless file with this content, read from its beginning by whoever inherits it. The caller closes it. */
export function openScratchFile(content: Buffer): number {
  return inPrivateDirectory((directory) => {
    const fd = openSync(join(directory, 'file'), 'wx+', 0o600)
    try {
      for (let at = 0; at < content.length; ) at += writeSync(fd, content, at, content.length - at, at)
      return fd
    } catch (error) {
      closeSync(fd)
      throw error
    }
  })
}

export type StatusFile = { fd: number; read(): string; close(): void }

/** A nameless file that a child writes its status into and we read afterwards. `fd` is the child's, closed by its start. */
export function openStatusFile(): StatusFile {
  const own = openScratchFile(Buffer.alloc(0))
  const fd = openSync(`/proc/self/fd/${own}`, constants.O_WRONLY)
  const buffer = Buffer.alloc(4096)
  return {
    fd,
    read: () => buffer.toString('utf8', 0, readSync(own, buffer, 0, buffer.length, 0)),
    close: () => closeSync(own),
  }
}
