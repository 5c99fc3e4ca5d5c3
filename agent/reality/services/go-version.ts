// The version of Go that a program was built with, from its section .go.buildinfo (cmd/go, debug/buildinfo): a few small
// reads of an ELF file. Go 1.18 and later write it there as text; older ones only point to it, and are not told.
import type { Host } from '../host.ts'

const MAGIC = Buffer.from('\xff Go buildinf:', 'latin1')
const INLINE = 2
const HEADER = 64
const SECTIONS_MAX = 256
const SECTION_HEADER = 64

type Read = (from: number, length: number) => Buffer | undefined

/** 64 bits, little endian: every platform that Node runs on under Linux, but s390x. */
function findSection(read: Read, name: string): { offset: number; size: number } | undefined {
  const header = read(0, HEADER)
  if (!header || header.length < HEADER || header.readUInt32BE(0) !== 0x7f454c46 || header[4] !== 2 || header[5] !== 1)
    return undefined
  const [count, names] = [header.readUInt16LE(60), header.readUInt16LE(62)]
  if (header.readUInt16LE(58) !== SECTION_HEADER || count === 0 || count > SECTIONS_MAX || names >= count)
    return undefined
  const table = read(Number(header.readBigUInt64LE(40)), count * SECTION_HEADER)
  if (!table || table.length < count * SECTION_HEADER) return undefined
  const place = (i: number) => ({
    name: table.readUInt32LE(i * SECTION_HEADER),
    offset: Number(table.readBigUInt64LE(i * SECTION_HEADER + 24)),
    size: Number(table.readBigUInt64LE(i * SECTION_HEADER + 32)),
  })
  const { offset, size } = place(names)
  const text = read(offset, Math.min(size, 65_536))?.toString('latin1') ?? ''
  for (let i = 0; i < count; i++) {
    const section = place(i)
    if (text.startsWith(`${name}\0`, section.name)) return section
  }
  return undefined
}

export function goVersionOf(read: Read): string | undefined {
  const section = findSection(read, '.go.buildinfo')
  const info = section && read(section.offset, Math.min(section.size, 256))
  if (!info || info.length < 48 || !info.subarray(0, MAGIC.length).equals(MAGIC) || ((info[15] ?? 0) & INLINE) === 0)
    return undefined
  return /^go(\d+\.\d+(?:\.\d+)?)/.exec(info.toString('latin1', 33))?.[1] // behind 32 bytes and a length of one byte
}

export const readGoVersion = (host: Host, path: string): string | undefined =>
  goVersionOf((from, length) =>
    Number.isSafeInteger(from) && from >= 0 ? host.bytes(path, length, { from }) : undefined,
  )
