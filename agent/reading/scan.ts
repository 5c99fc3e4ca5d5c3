// The lines of one file that hold a literal and still do when they are redacted. Constant memory: one block, and in front of
// it what the redactor must have seen.
import { createRedactor, type Redactor } from '#proto/redaction/redactor.ts'
import { BOUNDS } from './bounds.ts'
import { leadOf } from './redacted.ts'
import type { Source } from './source.ts'
import { cutAt, isBinary, LF } from './text.ts'

export type Looked = { needle: Buffer; hostKey: Buffer | undefined; room: number; late: () => boolean }
/** `offset`: where the line begins in the content. */
export type Found = { offset: number; text: Buffer }
export type Scan = { hits: Found[]; bytes: number; longLines: number; binary: boolean }

const ROOM = BOUNDS.lookbackFar + BOUNDS.line + BOUNDS.block

/** One for all files of a search: two of them would be two searches. */
export const createWindow = (): Buffer => Buffer.allocUnsafeSlow(ROOM)

export async function hitsIn(source: Source, window: Buffer, looked: Looked): Promise<Scan> {
  const forward = source.open()
  const scan: Scan = { hits: [], bytes: 0, longLines: 0, binary: false }
  const lines = createLines(window, looked)
  /** Of the window: what is filled, where the first line begins that was not looked at, and its place in the file. */
  let used = 0
  let from = 0
  let base = 0
  let skipping = false
  try {
    for (;;) {
      if (used + BOUNDS.block > ROOM) {
        const drop = Math.max(0, from - BOUNDS.lookbackFar)
        window.copyWithin(0, drop, used)
        base += drop
        used -= drop
        from -= drop
      }
      const count = await forward.fill(window.subarray(used, used + BOUNDS.block))
      if (scan.bytes === 0 && isBinary(window.subarray(0, count))) return { ...scan, binary: true }
      scan.bytes += count
      used += count
      if (skipping) {
        const feed = window.subarray(0, used).indexOf(LF, from)
        skipping = feed < 0 && count > 0
        from = feed < 0 ? used : feed + 1
      }
      const feed = window.subarray(from, used).lastIndexOf(LF)
      const end = count === 0 ? used : from + feed + 1
      if (end > from) lines.look(from, end, base, scan.hits)
      from = end
      if (count === 0 || scan.hits.length >= looked.room || looked.late()) return scan
      if (used - from > BOUNDS.line) {
        scan.longLines++
        skipping = true
        from = used
      }
    }
  } finally {
    forward.close()
  }
}

/** Looks at whole lines of the window; one redactor goes on from hit to hit while they are near each other. */
function createLines(window: Buffer, { needle, hostKey, room }: Looked) {
  let redactor: Redactor | undefined
  /** Place in the file up to which the redactor has been fed. */
  let fed = 0

  const redactedLine = (start: number, end: number, base: number): Buffer => {
    if (!redactor || base + start - fed > BOUNDS.lookback || fed < base) {
      redactor = createRedactor(hostKey ? { hostKey } : {})
      const back = Math.max(0, start - BOUNDS.lookbackFar)
      redactor.push(leadOf(window.subarray(back, start), base + back === 0))
    } else redactor.push(window.subarray(fed - base, start))
    fed = base + end
    const line = redactor.push(window.subarray(start, end))
    if (window[end - 1] === LF) return line
    const last = redactor.end()
    redactor = undefined
    return Buffer.concat([line, last])
  }

  const look = (from: number, to: number, base: number, hits: Found[]): void => {
    const region = window.subarray(0, to)
    for (let at = region.indexOf(needle, from); at >= 0 && hits.length < room; ) {
      const start = at === from ? from : Math.max(from, region.lastIndexOf(LF, at - 1) + 1)
      const feed = region.indexOf(LF, at)
      const end = feed < 0 ? to : feed + 1
      const text = redactedLine(start, end, base)
      const place = text.indexOf(needle)
      if (place >= 0) hits.push({ offset: base + start, text: shown(text, place) })
      at = end < to ? region.indexOf(needle, end) : -1
    }
  }
  return { look }
}

/** Of a long line, what is around the needle. */
function shown(line: Buffer, place: number): Buffer {
  const whole = line.at(-1) === LF ? line.subarray(0, -1) : line
  if (whole.length <= BOUNDS.hitShown) return whole
  let start = Math.max(0, Math.min(place - BOUNDS.hitShown / 4, whole.length - BOUNDS.hitShown))
  while (start > 0 && ((whole[start] ?? 0) & 0xc0) === 0x80) start--
  return cutAt(whole.subarray(start), BOUNDS.hitShown)
}
