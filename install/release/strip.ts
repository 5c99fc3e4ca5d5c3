// Takes the symbol table and the section headers from a 64-bit little-endian ELF program (elf(5)). What the loader needs
// is in the segments, and the rest stands behind them; so this works alike for every architecture, without binutils.

const MAGIC = '7f454c460201'
const PROGRAM_HEADERS = 0x20
const SECTION_HEADERS = 0x28
const PROGRAM_HEADER_SIZE = 0x36
const SECTION_COUNT = 0x3c
const SECTION_NAMES = 0x3e

/** @throws TypeError when it is not such a program */
export function dropSymbols(program: Buffer): Buffer {
  if (program.toString('hex', 0, 6) !== MAGIC) throw new TypeError('not a 64-bit little-endian ELF file')
  const table = Number(program.readBigUInt64LE(PROGRAM_HEADERS))
  const size = program.readUInt16LE(PROGRAM_HEADER_SIZE)
  const count = program.readUInt16LE(PROGRAM_HEADER_SIZE + 2)
  let end = table + size * count
  for (let at = table; at < table + size * count; at += size)
    end = Math.max(end, Number(program.readBigUInt64LE(at + 8)) + Number(program.readBigUInt64LE(at + 32)))
  const kept = Buffer.from(program.subarray(0, end))
  kept.writeBigUInt64LE(0n, SECTION_HEADERS)
  kept.writeUInt16LE(0, SECTION_COUNT)
  kept.writeUInt16LE(0, SECTION_NAMES)
  return kept
}
