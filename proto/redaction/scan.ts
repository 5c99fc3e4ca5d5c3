/** Whether a byte may matter at all: the prefilter in front of every rule, two table look-ups for two bytes. */

/** Four sets of bytes. Spec: `ghp_`, `SG.`, `[MNO][DTjz]…`; `i:` in front folds case; a fourth byte left out is any byte. */
type Sets = readonly Bytes[]
type Bytes = readonly number[]

const BYTES: Bytes = Array.from({ length: 256 }, (_, byte) => byte)

const BUCKETS = 30
const NOISE = 1 << 30

export type Scanner = {
  /** First position in [from, to) of an anchor or of a noise byte, or -1. The byte before `to` must be a line feed. */
  next(bytes: Uint8Array, from: number, to: number): number
  /** Whether a control character or an invisible one is among the bytes. */
  noisy(bytes: Uint8Array): boolean
  /** Calls back for every anchor that starts in the bytes, in order. */
  each(bytes: Uint8Array, length: number, found: (position: number, anchor: number) => void): void
}

/**
 * Two bytes at a time: bits of the buckets with an anchor that may have begun two or three bytes before (`first`) meet those
 * with an anchor that may go on here (`second`). What is left is compared byte by byte, for its bucket's anchors alone.
 */
export function createScanner(specs: readonly string[]): Scanner {
  const known = new Map<string, Bytes>()
  const anchors = specs.map((spec) => parseSpec(spec, known))
  const places = placeAnchors(anchors)
  const ids = new Int32Array(BUCKETS * 32)
  places.forEach(({ bucket, bit }, index) => {
    ids[bucket * 32 + bit] = index
  })
  const { first, second } = pairTables(anchors, places)
  const exact = exactTables(anchors, places)

  /** Bits of the bucket's anchors that start at `i`. */
  const startsAt = (bytes: Uint8Array, i: number, bucket: number): number =>
    (exact[bucket * 1024 + (bytes[i] ?? 0)] as number) &
    (exact[bucket * 1024 + 256 + (bytes[i + 1] ?? 0)] as number) &
    (exact[bucket * 1024 + 512 + (bytes[i + 2] ?? 0)] as number) &
    (exact[bucket * 1024 + 768 + (bytes[i + 3] ?? 0)] as number)

  const anyAt = (bytes: Uint8Array, i: number, buckets: number): boolean => {
    for (let left = buckets; left !== 0; left &= left - 1) {
      if (startsAt(bytes, i, 31 - Math.clz32(left & -left)) !== 0) return true
    }
    return false
  }

  const next = (bytes: Uint8Array, from: number, to: number): number => {
    let before = 0
    for (let i = from; i < to - 1; i += 2) {
      const pair = (bytes[i] as number) | ((bytes[i + 1] as number) << 8)
      const begun = first[pair] as number
      const buckets = before & (second[pair] as number)
      before = begun
      if ((buckets | (begun & NOISE)) === 0) continue
      if ((begun & NOISE) !== 0 && (isNoise(bytes, i) || isNoise(bytes, i + 1))) return i
      if (buckets === 0) continue
      if (i - 3 >= from && anyAt(bytes, i - 3, buckets)) return i - 3
      if (anyAt(bytes, i - 2, buckets)) return i - 2
    }
    return -1
  }

  const report = (
    bytes: Uint8Array,
    i: number,
    buckets: number,
    found: (position: number, anchor: number) => void,
  ): void => {
    for (let left = buckets; left !== 0; left &= left - 1) {
      const bucket = 31 - Math.clz32(left & -left)
      for (let bits = startsAt(bytes, i, bucket); bits !== 0; bits &= bits - 1) {
        found(i, ids[bucket * 32 + 31 - Math.clz32(bits & -bits)] as number)
      }
    }
  }

  const each = (bytes: Uint8Array, length: number, found: (position: number, anchor: number) => void): void => {
    let before = 0
    for (let i = 0; i < length + 2; i += 2) {
      const pair = (i < length ? (bytes[i] as number) : 0) | (i + 1 < length ? (bytes[i + 1] as number) << 8 : 0)
      const buckets = before & (second[pair] as number)
      before = first[pair] as number
      if (buckets === 0) continue
      if (i >= 3) report(bytes, i - 3, buckets, found)
      report(bytes, i - 2, buckets, found)
    }
  }
  const noisy = (bytes: Uint8Array): boolean => {
    const last = bytes.length - 1
    for (let i = 0; i < last; i += 2) {
      const pair = (bytes[i] as number) | ((bytes[i + 1] as number) << 8)
      if (((first[pair] as number) & NOISE) !== 0 && (isNoise(bytes, i) || isNoise(bytes, i + 1))) return true
    }
    return last >= 0 && isNoise(bytes, last)
  }
  return { next, each, noisy }
}

/** Every lane compiles the specs before it can answer, so a set that stands in many of them is made once. */
function parseSpec(spec: string, known: Map<string, Bytes>): Sets {
  const flags = spec.startsWith('i:') ? 'i' : ''
  const parts = (flags ? spec.slice(2) : spec).match(/\[[^\]]+\]|[^[]/g) ?? []
  if (parts.length < 3 || parts.length > 4) throw new Error(`an anchor has three or four bytes: ${spec}`)
  const sets = parts.map((part) => {
    const set = known.get(flags + part) ?? parseSet(part, flags)
    known.set(flags + part, set)
    return set
  })
  return sets.length === 4 ? sets : [...sets, BYTES]
}

function parseSet(part: string, flags: string): Bytes {
  if (part.length === 1 && flags === '') return [part.charCodeAt(0)]
  const pattern = new RegExp(part.length === 1 ? `[\\${part}]`.replace(/\\(?=\w)/, '') : part, flags)
  return BYTES.filter((byte) => pattern.test(String.fromCharCode(byte)))
}

type Place = { bucket: number; bit: number }

/** Anchors whose last byte may be almost anything share a few buckets: there they make no other anchor look begun. */
const LOOSE_BUCKETS = 3

function placeAnchors(anchors: readonly Sets[]): Place[] {
  const used = new Int32Array(BUCKETS)
  const turns = { loose: 0, close: 0 }
  return anchors.map((sets) => {
    const loose = (sets[3]?.length ?? 0) > 8
    const bucket = loose ? turns.loose++ % LOOSE_BUCKETS : LOOSE_BUCKETS + (turns.close++ % (BUCKETS - LOOSE_BUCKETS))
    const bit = used[bucket] ?? 0
    used[bucket] = bit + 1
    if (bit > 31) throw new Error('more anchors than the tables hold')
    return { bucket, bit }
  })
}

function pairTables(anchors: readonly Sets[], places: readonly Place[]): { first: Int32Array; second: Int32Array } {
  const first = new Int32Array(65536)
  const second = new Int32Array(65536)
  const mark = (table: Int32Array, low: Bytes, high: Bytes, bit: number): void => {
    for (const y of high) for (const x of low) table[x | (y << 8)] = (table[x | (y << 8)] as number) | bit
  }
  /** Of the anchors that end with the lower byte, whatever the higher is. */
  const ends = new Int32Array(256)
  anchors.forEach(([a = BYTES, b = BYTES, c = BYTES, d = BYTES], index) => {
    const bit = 1 << (places[index]?.bucket ?? 0)
    mark(first, a, b, bit)
    mark(first, b, c, bit)
    mark(second, c, d, bit)
    for (const x of d) ends[x] = (ends[x] as number) | bit
  })
  for (let pair = 0; pair < 65536; pair++) second[pair] = (second[pair] as number) | (ends[pair & 255] as number)
  const noise = BYTES.filter(mayBeNoise)
  mark(first, noise, BYTES, NOISE)
  mark(first, BYTES, noise, NOISE)
  return { first, second }
}

function exactTables(anchors: readonly Sets[], places: readonly Place[]): Int32Array {
  const tables = new Int32Array(BUCKETS * 1024)
  anchors.forEach((sets, index) => {
    const { bucket, bit } = places[index] ?? { bucket: 0, bit: 0 }
    sets.forEach((set, place) => {
      for (const byte of set) {
        const slot = bucket * 1024 + place * 256 + byte
        tables[slot] = (tables[slot] as number) | (1 << bit)
      }
    })
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
function isNoise(bytes: Uint8Array, i: number): boolean {
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
