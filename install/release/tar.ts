// ustar archives (POSIX.1-1988) whose bytes follow from their content alone: sorted names, no times, no owners.
import { gunzipSync, gzipSync } from 'node:zlib'

export type Packed = { path: string; mode: 0o644 | 0o755; content: Buffer }

const BLOCK = 512
const NAME_BYTES = 100

/** @returns a gzip file without a time stamp */
export const packTarGz = (files: readonly Packed[]): Buffer => gzipSync(packTar(files))

function packTar(files: readonly Packed[]): Buffer {
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : 1))
  const directories = new Set(sorted.flatMap(({ path }) => parentsOf(path)))
  const blocks = [...directories].sort().map((path) => header(`${path}/`, 0o755, 0, '5'))
  for (const { path, mode, content } of sorted)
    blocks.push(header(path, mode, content.length, '0'), content, Buffer.alloc(padding(content.length)))
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)])
}

const padding = (size: number): number => (BLOCK - (size % BLOCK)) % BLOCK

const parentsOf = (path: string): string[] =>
  path
    .split('/')
    .slice(0, -1)
    .map((_name, i, names) => names.slice(0, i + 1).join('/'))

function header(name: string, mode: number, size: number, type: '0' | '5'): Buffer {
  if (Buffer.byteLength(name) > NAME_BYTES) throw new TypeError(`too long for an archive: ${name}`)
  const block = Buffer.alloc(BLOCK)
  const octal = (value: number, at: number, width: number) =>
    block.write(value.toString(8).padStart(width - 1, '0'), at, 'latin1')
  block.write(name, 0)
  octal(mode, 100, 8)
  octal(0, 108, 8) // owner root
  octal(0, 116, 8) // group root
  octal(size, 124, 12)
  octal(0, 136, 12) // the epoch
  block.write('        ', 148)
  block.write(type, 156)
  block.write('ustar\u000000', 257, 'latin1')
  octal(
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  )
  return block
}

/** The regular files of an archive, by path. Only for archives whose hash has been checked. */
export function unpackTarGz(archive: Buffer): Map<string, Buffer> {
  const tar = gunzipSync(archive)
  const files = new Map<string, Buffer>()
  for (let at = 0; at + BLOCK <= tar.length && tar[at] !== 0; ) {
    const block = tar.subarray(at, at + BLOCK)
    const size = Number.parseInt(block.toString('latin1', 124, 136), 8)
    const type = block.toString('latin1', 156, 157)
    if (type === '0' || type === '\0') files.set(nameIn(block), tar.subarray(at + BLOCK, at + BLOCK + size))
    at += BLOCK + size + padding(size)
  }
  return files
}

function nameIn(block: Buffer): string {
  const text = (from: number, to: number) => block.toString('utf8', from, to).replace(/\0.*$/s, '')
  const prefix = text(345, 500)
  return prefix ? `${prefix}/${text(0, NAME_BYTES)}` : text(0, NAME_BYTES)
}
