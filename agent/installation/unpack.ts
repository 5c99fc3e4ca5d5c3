// Archives of a release (ustar in gzip), unpacked to exactly what the signed manifest names: regular files with their
// modes and hashes, each on disk before it counts. There is no code here that could make a link or leave the directory.
import { createHash } from 'node:crypto'
import { closeSync, createReadStream, fchmodSync, fsyncSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createGunzip } from 'node:zlib'
import { isFull, Refused } from './refused.ts'

export type Wanted = Readonly<{ path: string; mode: '0644' | '0755'; sha256: string }>

const BLOCK = 512
const FILE = ['0', '\0']
const DIRECTORY = '5'

/** @throws Refused when the archive holds anything else than these files */
export async function unpack(archive: string, into: string, wanted: readonly Wanted[], most: number): Promise<void> {
  const missing = new Map(wanted.map((file) => [file.path, file]))
  const bytes = createReadStream(archive).pipe(createGunzip())
  try {
    const tar = readerOf(bytes)
    let total = 0
    for (let entry = await nextEntry(tar); entry; entry = await nextEntry(tar)) {
      if (entry.type === DIRECTORY) continue // made for the files that are in it
      const file = missing.get(entry.path)
      total += entry.size
      if (!FILE.includes(entry.type)) throw unlike(`${entry.path} is neither file nor directory`)
      if (!file) throw unlike(`${entry.path} does not belong to it`)
      if (!(total <= most)) throw unlike('it is larger than the release says')
      missing.delete(entry.path)
      await write(join(into, file.path), file, tar, entry.size)
      await tar.exactly(padding(entry.size))
    }
  } catch (error) {
    if (error instanceof Refused || isFull(error)) throw error
    throw unlike(`it cannot be unpacked (${error instanceof Error ? error.message : error})`)
  } finally {
    bytes.destroy()
  }
  for (const path of missing.keys()) throw unlike(`${path} is not in it`)
}

const unlike = (what: string): Refused => new Refused('contents', `the archive is not what the release says: ${what}`)
const padding = (size: number): number => (BLOCK - (size % BLOCK)) % BLOCK

type Reader = ReturnType<typeof readerOf>

function readerOf(source: AsyncIterable<Buffer>) {
  const chunks = source[Symbol.asyncIterator]()
  let rest: Buffer = Buffer.alloc(0)
  /** At least one byte and no more than these; none at the end. */
  const some = async (most: number): Promise<Buffer> => {
    while (rest.length === 0) {
      const next = await chunks.next()
      if (next.done) break
      rest = next.value
    }
    const piece = rest.subarray(0, most)
    rest = rest.subarray(piece.length)
    return piece
  }
  return {
    some,
    async exactly(length: number): Promise<Buffer> {
      const pieces: Buffer[] = []
      for (let left = length; left > 0; ) {
        const piece = await some(left)
        if (piece.length === 0) throw unlike('it ends in the middle')
        pieces.push(piece)
        left -= piece.length
      }
      return Buffer.concat(pieces)
    },
  }
}

async function nextEntry(tar: Reader): Promise<{ path: string; type: string; size: number } | undefined> {
  const header = await tar.exactly(BLOCK)
  if (header[0] === 0) return undefined
  const text = (from: number, to: number): string => header.toString('utf8', from, to).replace(/\0.*$/s, '')
  const prefix = text(345, 500)
  const size = Number.parseInt(text(124, 136), 8)
  if (!Number.isSafeInteger(size) || size < 0) throw unlike('a size cannot be read')
  return { path: (prefix ? `${prefix}/` : '') + text(0, 100), type: header.toString('latin1', 156, 157), size }
}

async function write(path: string, wanted: Wanted, tar: Reader, size: number): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  const hash = createHash('sha256')
  const fd = openSync(path, 'wx', 0o600)
  try {
    for (let left = size; left > 0; ) {
      const piece = await tar.some(left)
      if (piece.length === 0) throw unlike(`${wanted.path} ends in the middle`)
      hash.update(piece)
      for (let at = 0; at < piece.length; ) at += writeSync(fd, piece, at)
      left -= piece.length
    }
    fchmodSync(fd, Number.parseInt(wanted.mode, 8))
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  if (hash.digest('hex') !== wanted.sha256) throw unlike(`${wanted.path} has another content`)
}
