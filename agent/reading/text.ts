// Text and its lines, as bytes.

export const LF = 0x0a
const SAMPLE = 65_536
/** Control characters in more than one of this many bytes: nobody wrote that as text. */
const RARE = 20
const TEXT_CONTROLS = new Set([0x08, 0x09, 0x0a, 0x0c, 0x0d, 0x1b])
const IS_CONTROL = Uint8Array.from({ length: 256 }, (_, byte) => (byte < 0x20 && !TEXT_CONTROLS.has(byte) ? 1 : 0))

/** Judged by a sample, not by one NUL: a log that was cut while it was open has some. */
export function isBinary(bytes: Buffer): boolean {
  const sample = bytes.subarray(0, SAMPLE)
  let controls = 0
  for (const byte of sample) controls += IS_CONTROL[byte] ?? 0
  return controls * RARE > sample.length
}

/** Offset behind the count-th line from `from`, or -1 where fewer end. */
export function behindLines(bytes: Buffer, count: number, from = 0): number {
  let at = from
  for (let left = count; left > 0; left--) {
    const end = bytes.indexOf(LF, at)
    if (end < 0) return -1
    at = end + 1
  }
  return at
}

/** Four bytes at a time: a byte that equals a line feed becomes one that is zero, and only that one keeps its high bit clear. */
export function countLines(bytes: Buffer): number {
  const lead = Math.min(bytes.length, (4 - (bytes.byteOffset & 3)) & 3)
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + lead, (bytes.length - lead) >> 2)
  let count = countBytes(bytes, 0, lead) + countBytes(bytes, lead + words.length * 4, bytes.length)
  for (let at = 0; at < words.length; ) {
    let sums = 0
    for (const end = Math.min(at + 255, words.length); at < end; at++) {
      const differs = (words[at] as number) ^ 0x0a0a0a0a
      sums += (~(((differs & 0x7f7f7f7f) + 0x7f7f7f7f) | differs) >>> 7) & 0x01010101
    }
    count += (sums & 0xff) + ((sums >>> 8) & 0xff) + ((sums >>> 16) & 0xff) + (sums >>> 24)
  }
  return count
}

function countBytes(bytes: Buffer, from: number, to: number): number {
  let count = 0
  for (let at = from; at < to; at++) if (bytes[at] === LF) count++
  return count
}

/** Offset at which the last `count` lines begin, or -1 where they begin before these bytes. */
export function beforeLines(bytes: Buffer, count: number): number {
  let at = bytes.at(-1) === LF ? bytes.length - 1 : bytes.length
  for (let left = count; left > 0; left--) {
    if (at <= 0) return -1
    const end = bytes.lastIndexOf(LF, at - 1)
    if (end < 0) return -1
    if (left === 1) return end + 1
    at = end
  }
  return bytes.length
}

/** Not within a character of UTF-8. */
export function cutAt(bytes: Buffer, length: number): Buffer {
  if (length >= bytes.length) return bytes
  let end = length
  while (end > 0 && end > length - 4 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return bytes.subarray(0, end)
}
