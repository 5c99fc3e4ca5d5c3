/** Whether a byte may matter at all: the prefilter in front of every rule, one table look-up for two bytes. */

/** Four sets of bytes. Spec: `ghp_`, `SG.`, `[MNO][DTjz]…`; `i:` in front folds case; a fourth byte left out is any byte. */
type Sets = readonly Uint8Array[]

const BUCKETS = 15
const NOISE = 1 << 30

export type Scanner = {
  /** First position in [from, to) of an anchor or of a noise byte, or -1. The byte before `to` must be a line feed, or one must stand at `to`. */
  next(bytes: Uint8Array, from: number, to: number): number
  /** Calls back for every anchor that starts in the bytes, in order. */
  each(bytes: Uint8Array, length: number, found: (position: number, anchor: number) => void): void
}

export function createScanner(specs: readonly string[], bucketOf: (anchor: number) => number): Scanner {
  const anchors = specs.map(parseSpec)
  const pairs = pairTable(anchors, (anchor) => bucketOf(anchor) % BUCKETS)
  const words = Math.ceil(anchors.length / 32)
  const exact = exactTables(anchors, words)

  /** Bits of word `w` of the anchors that start at `i`. */
  const startsAt = (bytes: Uint8Array, i: number, w: number): number =>
    (exact[w * 1024 + (bytes[i] ?? 0)] ?? 0) &
    (exact[w * 1024 + 256 + (bytes[i + 1] ?? 0)] ?? 0) &
    (exact[w * 1024 + 512 + (bytes[i + 2] ?? 0)] ?? 0) &
    (exact[w * 1024 + 768 + (bytes[i + 3] ?? 0)] ?? 0)

  const anyAt = (bytes: Uint8Array, i: number): boolean => {
    for (let w = 0; w < words; w++) if (startsAt(bytes, i, w) !== 0) return true
    return false
  }

  const next = (bytes: Uint8Array, from: number, to: number): number => {
    let before = 0
    for (let i = from; i < to; i += 2) {
      const entry = pairs[(bytes[i] as number) | ((bytes[i + 1] as number) << 8)] as number
      if (((before & (entry >>> BUCKETS) & 0x7fff) | (entry & NOISE)) !== 0) {
        if (isNoise(bytes, i) || (i + 1 < to && isNoise(bytes, i + 1))) return i
        if (i - 2 >= from && anyAt(bytes, i - 2)) return i - 2
        if (i - 3 >= from && anyAt(bytes, i - 3)) return i - 3
      }
      before = entry
    }
    return -1
  }

  const folded = foldedTables(anchors, bucketOf)
  const each = (bytes: Uint8Array, length: number, found: (position: number, anchor: number) => void): void => {
    for (let i = 0; i + 2 < length; i++) {
      const near =
        (folded[bytes[i] as number] as number) &
        (folded[256 + (bytes[i + 1] as number)] as number) &
        (folded[512 + (bytes[i + 2] as number)] as number)
      if (near === 0) continue
      for (let w = 0; w < words; w++) {
        for (let bits = startsAt(bytes, i, w); bits !== 0; bits &= bits - 1)
          found(i, w * 32 + 31 - Math.clz32(bits & -bits))
      }
    }
  }
  return { next, each }
}

function parseSpec(spec: string): Sets {
  const fold = spec.startsWith('i:')
  const parts = (fold ? spec.slice(2) : spec).match(/\[[^\]]+\]|[^[]/g) ?? []
  if (parts.length < 3 || parts.length > 4) throw new Error(`an anchor has three or four bytes: ${spec}`)
  const sets = parts.map((part) => parseSet(part, fold))
  return sets.length === 4 ? sets : [...sets, new Uint8Array(256).fill(1)]
}

function parseSet(part: string, fold: boolean): Uint8Array {
  const pattern =
    part.length === 1
      ? new RegExp(`[\\${part}]`.replace(/\\(?=\w)/, ''), fold ? 'i' : '')
      : new RegExp(part, fold ? 'i' : '')
  return Uint8Array.from({ length: 256 }, (_, byte) => (pattern.test(String.fromCharCode(byte)) ? 1 : 0))
}

/** Low bits: buckets whose anchor may begin with this pair (or have it at offset 1); next bits: the pair two further on. */
function pairTable(anchors: readonly Sets[], bucketOf: (anchor: number) => number): Uint32Array {
  const table = new Uint32Array(65536)
  const any = new Uint8Array(256).fill(1)
  const mark = (first: Uint8Array, second: Uint8Array, bit: number): void => {
    for (let x = 0; x < 256; x++) {
      if (first[x] === 0) continue
      for (let y = 0; y < 256; y++) if (second[y] === 1) table[x | (y << 8)] = (table[x | (y << 8)] ?? 0) | bit
    }
  }
  anchors.forEach(([a = any, b = any, c = any, d = any], index) => {
    const bit = 1 << bucketOf(index)
    mark(a, b, bit)
    mark(b, c, bit)
    mark(c, d, bit << BUCKETS)
    mark(d, any, bit << BUCKETS)
  })
  const noise = Uint8Array.from({ length: 256 }, (_, byte) => (mayBeNoise(byte) ? 1 : 0))
  mark(noise, any, NOISE)
  mark(any, noise, NOISE)
  return table
}

function exactTables(anchors: readonly Sets[], words: number): Int32Array {
  const tables = new Int32Array(words * 1024)
  anchors.forEach((sets, index) => {
    const base = (index >> 5) * 1024
    for (let slot = 0; slot < 1024; slot++) {
      if (sets[slot >> 8]?.[slot & 255] === 1) tables[base + slot] = (tables[base + slot] ?? 0) | (1 << (index & 31))
    }
  })
  return tables
}

function foldedTables(anchors: readonly Sets[], bucketOf: (anchor: number) => number): Int32Array {
  const tables = new Int32Array(768)
  anchors.forEach((sets, index) => {
    for (let slot = 0; slot < 768; slot++) {
      if (sets[slot >> 8]?.[slot & 255] === 1) tables[slot] = (tables[slot] ?? 0) | (1 << (bucketOf(index) & 31))
    }
  })
  return tables
}

function mayBeNoise(byte: number): boolean {
  if (byte < 0x20) return byte !== 0x09 && byte !== 0x0a
  return (
    byte === 0x7f || byte === 0xc2 || byte === 0xcd || byte === 0xe1 || byte === 0xe2 || byte === 0xef || byte === 0xf3
  )
}

/** A control character, or the first byte of an invisible one in UTF-8. A carriage return before a line feed is none. */
export function isNoise(bytes: Uint8Array, i: number): boolean {
  const byte = bytes[i] as number
  if (byte < 0x20) return byte !== 0x09 && byte !== 0x0a && !(byte === 0x0d && bytes[i + 1] === 0x0a)
  return byte === 0x7f || (byte >= 0xc2 && invisibleLength(bytes, i) > 0)
}

/** Length in bytes of the invisible UTF-8 character at `i` (zero-width, bidirectional, variation selector, tag, C1), or 0. */
export function invisibleLength(bytes: Uint8Array, i: number): number {
  const second = bytes[i + 1] ?? 0
  const third = bytes[i + 2] ?? 0
  switch (bytes[i]) {
    case 0xc2:
      return (second >= 0x80 && second <= 0x9f) || second === 0xad ? 2 : 0
    case 0xcd:
      return second === 0x8f ? 2 : 0
    case 0xe1:
      return second === 0xa0 && third === 0x8e ? 3 : 0
    case 0xe2:
      if (second === 0x80) return (third >= 0x8b && third <= 0x8f) || (third >= 0xaa && third <= 0xae) ? 3 : 0
      return second === 0x81 && third >= 0xa0 && third <= 0xaf ? 3 : 0
    case 0xef:
      return (second === 0xbb && third === 0xbf) || (second === 0xb8 && third >= 0x80 && third <= 0x8f) ? 3 : 0
    case 0xf3:
      return second === 0xa0 && (third === 0x80 || third === 0x81) ? 4 : 0
    default:
      return 0
  }
}
