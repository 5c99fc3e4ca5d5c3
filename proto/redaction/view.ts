/** What a reader would see of a line: the same bytes without what hides a secret, and the way back to the originals. */
import { invisibleLength } from './scan.ts'

export type View = {
  bytes: Buffer
  /** Original offset of each byte and of the end; undefined when the view is the original. */
  map: Uint32Array | undefined
}

const ESC = 0x1b

/**
 * `rendered`: escape sequences gone, a backspace takes the character before it. `stripped`: only control bytes gone, so
 * that the text inside an escape sequence (a hyperlink's address) is read too; undefined when it would show nothing new.
 */
export function noiseFreeViews(line: Buffer): { rendered: View; stripped: View | undefined } {
  const kinds = { stringEscape: false }
  const rendered = build(line, (i, drop) => {
    const byte = line[i] as number
    if (byte === ESC || (byte === 0xc2 && line[i + 1] === 0x9b)) return escapeLength(line, i, kinds)
    if (byte === 0x08) {
      kinds.stringEscape = true
      drop()
      return 1
    }
    if (byte === 0x00) {
      if (isWideText(line, i)) return 1
      kinds.stringEscape = true
      return 0
    }
    return noiseLength(line, i)
  })
  const stripped = kinds.stringEscape ? build(line, (i) => noiseLength(line, i)) : undefined
  return { rendered, stripped }
}

/** Copies the line without what `skip` says is noise (its length at that offset). */
function build(line: Buffer, skip: (i: number, drop: () => void) => number): View {
  const bytes = Buffer.allocUnsafe(line.length)
  const map = new Uint32Array(line.length + 1)
  let length = 0
  const drop = (): void => {
    if (length > 0) length--
  }
  for (let i = 0; i < line.length; ) {
    const byte = line[i] as number
    const noise = byte < 0x20 || byte === 0x7f || byte >= 0xc2 ? skip(i, drop) : 0
    if (noise > 0) {
      i += noise
      continue
    }
    bytes[length] = byte
    map[length++] = i++
  }
  map[length] = line.length
  return { bytes: bytes.subarray(0, length), map: map.subarray(0, length + 1) }
}

function noiseLength(line: Buffer, i: number): number {
  const byte = line[i] as number
  if (byte < 0x20) return byte === 0x09 ? 0 : 1
  return byte === 0x7f ? 1 : invisibleLength(line, i)
}

/** UTF-16 text has a zero in every second place; a lone zero separates, as in /proc/PID/environ. */
function isWideText(line: Buffer, i: number): boolean {
  return (line[i - 2] === 0 && line[i - 1] !== 0) || (line[i + 2] === 0 && line[i + 1] !== 0)
}

/** Length of the escape sequence at `i` (ECMA-48 5.4, 5.6). One that does not end within its bound is only its first byte. */
function escapeLength(line: Buffer, i: number, kinds: { stringEscape: boolean }): number {
  const wide = line[i] === ESC ? line[i + 1] : 0x5b
  const body = i + 2
  if (wide === undefined) return 1
  if (wide === 0x5b) {
    let end = body
    while (end < body + 64 && line[end] !== undefined && (line[end] as number) >= 0x20 && (line[end] as number) <= 0x3f)
      end++
    const final = line[end] ?? 0
    return final >= 0x40 && final <= 0x7e ? end + 1 - i : 2
  }
  if (wide === 0x5d || wide === 0x50 || wide === 0x58 || wide === 0x5e || wide === 0x5f) {
    kinds.stringEscape = true
    for (let end = body; end < Math.min(line.length, body + 2048); end++) {
      if (line[end] === 0x07) return end + 1 - i
      if (line[end] === ESC) return line[end + 1] === 0x5c ? end + 2 - i : end - i
    }
    return 2
  }
  if (wide >= 0x20 && wide <= 0x2f) return line[body] === undefined ? 2 : 3
  return wide >= 0x30 && wide <= 0x7e ? 2 : 1
}

const ENCODED = /%(?:25){0,3}([0-7][0-9a-fA-F])|\\{1,8}(?:u00([0-7][0-9a-fA-F])|x([0-7][0-9a-fA-F])|(\/))/g

/** The view with URL and JSON escapes of ASCII characters undone; undefined when there are none. */
export function decodedView(text: string, map: Uint32Array | undefined): (View & { text: string }) | undefined {
  if (!text.includes('%') && !text.includes('\\')) return undefined
  const places: number[] = []
  let done = 0
  for (const match of text.matchAll(ENCODED)) {
    for (; done < match.index; done++) places.push(done)
    places.push(match.index)
    done = match.index + match[0].length
  }
  if (done === 0) return undefined
  for (; done < text.length; done++) places.push(done)
  places.push(text.length)
  const decoded = text.replace(ENCODED, (_, percent?: string, unicode?: string, hex?: string, slash?: string) =>
    slash === undefined ? String.fromCharCode(Number.parseInt(percent ?? unicode ?? hex ?? '20', 16)) : '/',
  )
  const back = Uint32Array.from(places, (place) => map?.[place] ?? place)
  return { text: decoded, bytes: Buffer.from(decoded, 'latin1'), map: back }
}
