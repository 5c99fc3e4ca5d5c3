// From the root to a path, one component at a time, each opened in the directory that is held, links resolved by hand:
// openat(2) by way of /proc/self/fd, since Node has none. What is reached is a descriptor, so no name is trusted twice.
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readlinkSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { CatalogueError } from '#proto/contract/errors.ts'

/** Opens nothing, only names it: a device is not touched, a FIFO not waited for (man 2 open). Node does not list it. */
const O_PATH = 0o10000000
const LINKS_MAX = 40
const DEPTH_MAX = 128
const PATH_MAX = 4096

/** File systems that are the kernel talking (linux/magic.h): reading them acts, and their links lead past every name. */
const KERNEL_FILE_SYSTEMS = new Set([
  0x9fa0, 0x62656572, 0x64626720, 0x74726163, 0x27e0eb, 0x63677270, 0x73636673, 0xcafe4a11, 0x62656570, 0xde5e81e4,
  0x6165676c, 0x1cd1, 0x42494e4d, 0x19800202, 0xf97cff8c, 0x50495045, 0x534f434b, 0x6e736673, 0x0187, 0x958458f6,
])

/** One entry that is held by an O_PATH descriptor. */
export type Held = { readonly fd: number; readonly path: string; readonly stat: BigIntStats }
/** `chain` goes from the root to the directory that the entry is in, or would be in. */
export type Reached = { chain: readonly Held[]; path: string; entry: Held | undefined; close(): void }

/** Did not get there: `path` is as real as it became known, so that the rules can be asked whether to say so. */
export class Stuck extends Error {
  readonly code: string
  readonly path: string
  constructor(code: string, path: string) {
    super(`${code}: ${path}`)
    this.code = code
    this.path = path
  }
}

/** A name for what is held, or for an entry of it. */
export const within = (fd: number, name?: string): string =>
  name === undefined ? `/proc/self/fd/${fd}` : `/proc/self/fd/${fd}/${name}`
/** The very inode that is held, opened to be read: nothing can come between. */
export const reopen = (held: Held, flags: number): number => openSync(within(held.fd), flags)

export function hold(directory: Held, name: string): Held {
  const path = join(directory.path, name)
  const fd = openSync(within(directory.fd, name), O_PATH | constants.O_NOFOLLOW)
  try {
    const stat = fstatSync(fd, { bigint: true })
    if (stat.dev !== directory.stat.dev) refuseKernel(fd, path)
    return { fd, path, stat }
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

function refuseKernel(fd: number, path: string): void {
  if (KERNEL_FILE_SYSTEMS.has(statfsSync(within(fd)).type)) throw new Stuck('KERNEL', path)
}

/** Absolute, and without a way back: `..` is for the links of the host, not for who asks. */
export function checkedPath(path: string): string {
  const wrong = !path.startsWith('/') || path.includes('\0') || Buffer.byteLength(path) > PATH_MAX
  if (wrong || path.split('/').includes('..')) throw new CatalogueError('VALIDATION_ERROR', { field: 'path' })
  return path
}

/** @param root `/`, or a directory that stands in for it; links that begin with `/` begin there */
export function walk(root: string, asked: string): Reached {
  const rootFd = openSync(root, O_PATH | constants.O_DIRECTORY)
  const held: Held[] = [{ fd: rootFd, path: '/', stat: fstatSync(rootFd, { bigint: true }) }]
  const close = (): void => {
    for (const { fd } of held.splice(0)) closeSync(fd)
  }
  try {
    return { ...descend(held, asked), close }
  } catch (error) {
    close()
    throw error
  }
}

function descend(held: Held[], asked: string): Omit<Reached, 'close'> {
  const pending = componentsOf(checkedPath(asked))
  let links = 0
  const stuck = (code: string, name: string): Stuck =>
    new Stuck(code, join(held.at(-1)?.path ?? '/', name, ...pending.toReversed()))
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const directory = held.at(-1) as Held
    if (name === '.') continue
    if (name === '..') {
      if (held.length > 1) closeSync((held.pop() as Held).fd)
      continue
    }
    if (!directory.stat.isDirectory()) throw stuck('ENOTDIR', name)
    if (held.length > DEPTH_MAX) throw stuck('ELOOP', name)
    let next: Held
    try {
      next = hold(directory, name)
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'EIO'
      if (code === 'ENOENT' && pending.length === 0)
        return { chain: [...held], path: join(directory.path, name), entry: undefined }
      throw stuck(code, name)
    }
    if (!next.stat.isSymbolicLink()) {
      held.push(next)
      continue
    }
    closeSync(next.fd)
    links += 1
    if (links > LINKS_MAX) throw stuck('ELOOP', name)
    const target = targetOf(directory, name, stuck)
    if (target.startsWith('/')) for (const { fd } of held.splice(1)) closeSync(fd)
    pending.push(...componentsOf(target))
  }
  const entry = held.at(-1) as Held
  return { chain: held.slice(0, -1), path: entry.path, entry }
}

/** In the order in which they are taken off the end. */
const componentsOf = (path: string): string[] =>
  path
    .split('/')
    .filter((part) => part !== '')
    .reverse()

function targetOf(directory: Held, name: string, stuck: (code: string, name: string) => Stuck): string {
  try {
    return readlinkSync(within(directory.fd, name))
  } catch (error) {
    throw stuck((error as NodeJS.ErrnoException).code ?? 'EIO', name) // swapped for something else meanwhile
  }
}
