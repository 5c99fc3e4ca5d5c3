// The bytes of an opened file, by offset or forward in blocks; a compressed one by its content, within bounds.
import { readSync } from 'node:fs'
import { Readable } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { BOUNDS } from './bounds.ts'
import type { Opened } from './reach.ts'

export type Source = {
  packed: 'gzip' | 'zstd' | undefined
  /** Of the content; of a compressed one it is known at its end. */
  size(): number | undefined
  /** Fewer bytes at the end only. A copy, the caller's own. */
  read(offset: number, length: number): Promise<Buffer>
  /** Forward from the beginning, into a buffer of the caller's: 0 at the end. */
  open(): Forward
}
export type Forward = { fill(into: Buffer): number | Promise<number>; close(): void }

const PIECE = 65_536
const PACKED = [
  { kind: 'gzip', magic: Buffer.from([0x1f, 0x8b, 0x08]), create: () => createGunzip({ chunkSize: PIECE }) },
  {
    kind: 'zstd',
    magic: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]),
    create: () => createZstdDecompress({ chunkSize: PIECE }),
  },
] as const

export class TooMuch extends Error {}
/** Of zlib and zstd: cut off, or not what its first bytes say. */
export const isDamage = (error: unknown): boolean => /^Z(STD)?_/.test(String((error as NodeJS.ErrnoException).code))

export function sourceOf(file: Opened): Source {
  const head = readAt(file.fd, 0, 4)
  const packed = PACKED.find(({ magic }) => head.subarray(0, magic.length).equals(magic))
  return packed ? unpacked(file, packed) : plain(file)
}

/** Reads until the length or the end, whatever the file has become since. */
export function readAt(fd: number, offset: number, length: number, into: Buffer = Buffer.allocUnsafe(length)): Buffer {
  let filled = 0
  while (filled < length) {
    const count = readSync(fd, into, filled, length - filled, offset + filled)
    if (count === 0) break
    filled += count
  }
  return into.subarray(0, filled)
}

/** Ends where the file ended when it was opened: one that grows is not followed. */
function plain({ fd, size }: Opened): Source {
  const take = (offset: number, into: Buffer): number => {
    const count = Math.max(0, Math.min(into.length, size - offset))
    return readAt(fd, offset, count, into).length
  }
  const open = (): Forward => {
    let at = 0
    return {
      fill(into) {
        const count = take(at, into)
        at += count
        return count
      },
      close() {},
    }
  }
  const read = async (offset: number, length: number): Promise<Buffer> => {
    const bytes = Buffer.allocUnsafe(Math.max(0, Math.min(length, size - offset)))
    return bytes.subarray(0, take(offset, bytes))
  }
  return { packed: undefined, size: () => size, read, open }
}

function* packedBlocks({ fd, size }: Opened): Generator<Buffer> {
  for (let at = 0; at < size; at += PIECE) yield readAt(fd, at, Math.min(PIECE, size - at))
}

function unpacked(file: Opened, { kind, create }: (typeof PACKED)[number]): Source {
  let size: number | undefined
  async function* blocks() {
    const packedBytes = Readable.from(packedBlocks(file), { objectMode: false, highWaterMark: PIECE })
    const content = packedBytes.pipe(create())
    packedBytes.on('error', (error) => content.destroy(error))
    let total = 0
    try {
      for await (const block of content as AsyncIterable<Buffer>) {
        total += block.length
        if (total > BOUNDS.unpacked) throw new TooMuch(kind)
        yield block
      }
      size = total
    } finally {
      content.destroy()
      packedBytes.destroy()
    }
  }
  const open = (): Forward => {
    const content = blocks()
    let rest: Buffer = Buffer.alloc(0)
    return {
      async fill(into) {
        if (rest.length === 0) rest = (await content.next()).value ?? rest
        const count = rest.copy(into)
        rest = rest.subarray(count)
        return count
      },
      close: () => void content.return(undefined),
    }
  }
  return { packed: kind, size: () => size, read: (offset, length) => slice(blocks(), offset, length), open }
}

async function slice(blocks: AsyncIterable<Buffer>, offset: number, length: number): Promise<Buffer> {
  const parts: Buffer[] = []
  let at = 0
  for await (const block of blocks) {
    const part = block.subarray(Math.max(0, offset - at), Math.max(0, offset + length - at))
    if (part.length > 0) parts.push(part)
    at += block.length
    if (at >= offset + length) break
  }
  return Buffer.concat(parts)
}

/** A block is good until the next is asked for. */
export async function* blocksOf(source: Source): AsyncGenerator<Buffer> {
  const forward = source.open()
  const block = Buffer.allocUnsafe(BOUNDS.block)
  try {
    for (let count = await forward.fill(block); count > 0; count = await forward.fill(block))
      yield block.subarray(0, count)
  } finally {
    forward.close()
  }
}
