// Looking at a host that may be in any state, also at places that another account controls: nothing is followed that is
// not meant to be, nothing is waited for, and what is not there or not to be seen is an answer.
import { createHash } from 'node:crypto'
import {
  closeSync,
  constants,
  createReadStream,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type Stats,
} from 'node:fs'
import { errorCode } from '../files/durable-file.ts'

export type Kind = 'file' | 'directory' | 'link' | 'socket' | 'other'
export type Seen = { kind: Kind; mode: number; uid: number; gid: number; size: number }

const SMALL_FILE = 1_048_576
const NAMES_AT_MOST = 10_000

const KINDS: [Kind, (stats: Stats) => boolean][] = [
  ['file', (stats) => stats.isFile()],
  ['directory', (stats) => stats.isDirectory()],
  ['link', (stats) => stats.isSymbolicLink()],
  ['socket', (stats) => stats.isSocket()],
]
const kindOf = (stats: Stats): Kind => KINDS.find(([, is]) => is(stats))?.[0] ?? 'other'

/** Looks without stopping at what this account may not see, and remembers it. */
export function createLook() {
  const unseen = new Set<string>()
  const trying = <T>(path: string, act: () => T): T | undefined => {
    try {
      return act()
    } catch (error) {
      if (['EACCES', 'EPERM'].includes(errorCode(error) ?? '')) unseen.add(path)
      return undefined
    }
  }

  return {
    unseen: (): string[] => [...unseen].sort(),
    /** Whether what is missing may only be hidden from us. */
    isUnseen: (path: string): boolean => unseen.has(path),
    /** What is there; a link is a link. */
    at: (path: string): Seen | undefined =>
      trying(path, () => {
        const stats = lstatSync(path)
        const { mode, uid, gid, size } = stats
        return { kind: kindOf(stats), mode: mode & 0o7777, uid, gid, size }
      }),
    target: (path: string): string | undefined => trying(path, () => readlinkSync(path)),
    /** Sorted; empty when it is no directory. */
    names: (path: string): string[] => trying(path, () => readdirSync(path).sort().slice(0, NAMES_AT_MOST)) ?? [],
    /** A small regular file's content. Never through a link, never a pipe that nobody fills. */
    text: (path: string): string | undefined => trying(path, () => readSmall(path)?.toString('utf8')),
    bytes: (path: string): Buffer | undefined => trying(path, () => readSmall(path)),
    /** SHA-256 of a regular file, in hex. */
    async hash(path: string): Promise<string | undefined> {
      const fd = trying(path, () => openRegular(path))
      if (fd === undefined) return undefined
      const hash = createHash('sha256')
      try {
        for await (const chunk of createReadStream(path, { fd, highWaterMark: SMALL_FILE })) hash.update(chunk)
        return hash.digest('hex')
      } catch {
        return undefined // a disk that cannot be read
      }
    },
  }
}
export type Look = ReturnType<typeof createLook>

function openRegular(path: string): number | undefined {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  if (fstatSync(fd).isFile()) return fd
  closeSync(fd)
  return undefined
}

function readSmall(path: string): Buffer | undefined {
  const fd = openRegular(path)
  if (fd === undefined) return undefined
  try {
    const size = fstatSync(fd).size
    if (size > SMALL_FILE) return undefined
    const bytes = Buffer.alloc(size)
    return bytes.subarray(0, readSync(fd, bytes, 0, size, 0))
  } finally {
    closeSync(fd)
  }
}

/** 0o750 → '0750'. */
export const modeText = (mode: number): string => mode.toString(8).padStart(4, '0')
