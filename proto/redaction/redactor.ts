/**
 * Takes secrets out of a stream of bytes before it leaves. Both tiers may import this room, through this file only; it
 * imports nothing but node:crypto. Nothing here decodes UTF-8: what is no secret comes out byte for byte as it went in.
 * The result depends on the bytes alone, never on how they were cut into chunks.
 */

import { createHmac, type Hmac } from 'node:crypto'
import { scanner } from './find.ts'
import { keyEnd, keyMaterial } from './keys.ts'
import { secretsOf, viewsOf } from './line.ts'
import { createMarker } from './marker.ts'
import type { Secret } from './matching.ts'

export type Redactor = {
  /** The bytes that may leave now; the last, unfinished line (64 KiB at most) stays. */
  push(chunk: Buffer): Buffer
  /** The rest. The redactor is finished then. */
  end(): Buffer
  /** Secrets taken out so far. */
  readonly hits: number
}

/** Bytes of a line that are looked at in one piece; a longer line is looked at through overlapping windows. */
export const LINE_MAX = 65_536
/** Secrets up to this length are found whole at the border of two windows; of a longer one all that follows goes too. */
const OVERLAP = 8_192
/** Bytes already released that the next window still sees in front of it. */
const CONTEXT = 256
const LF = 0x0a
/** Looks at a line with secrets: the second is almost always the last. */
const ROUNDS_MAX = 4
const NONE: Buffer = Buffer.alloc(0)
const NEWLINE = Buffer.from('\n')

/** A private key that has begun: everything is swallowed until it ends. */
type Key = { hmac: Hmac | undefined; material: boolean; ended: boolean }

export function createRedactor(options: { hostKey?: Buffer }): Redactor {
  const { hostKey } = options
  const marker = createMarker(hostKey)
  let hits = 0
  let out = NONE
  let written = 0
  let hold = Buffer.allocUnsafeSlow(4096)
  let held = 0
  /** Bytes at the start of `hold` that have left already. */
  let context = 0
  let lineStart = true
  let swallow: Secret['tail'] | undefined
  let key: Key | undefined

  const emit = (bytes: Buffer, from = 0, to = bytes.length): void => {
    if (to <= from) return
    if (written + to - from > out.length) out = grown(out, written, Math.max(4096, written * 2, written + to - from))
    if (to - from > 24) bytes.copy(out, written, from, to)
    else for (let i = from; i < to; i++) out[written + i - from] = bytes[i] as number
    written += to - from
  }
  const replace = (secret: Secret): void => {
    hits++
    emit(marker(secret.rule, secret.tagged?.includes('[redacted:') ? undefined : secret.tagged))
  }
  const openKey = (): void => {
    hits++
    key = { hmac: hostKey && createHmac('sha256', hostKey), material: false, ended: false }
  }
  const closeKey = (complete: boolean): void => {
    const tag = complete && key?.material ? key.hmac?.digest('hex').slice(0, 8) : undefined
    emit(Buffer.from(tag === undefined ? '[redacted:private-key]' : `[redacted:private-key:${tag}]`))
    key = undefined
  }

  /** Emits line[from, to) with its secrets replaced; returns where it really stopped (behind a secret that crosses `to`). */
  const release = (line: Buffer, from: number, to: number, starts: boolean): number => {
    let done = from
    let stop = to
    for (const secret of secretsOf(line, starts)) {
      if (secret.start < from) continue
      if (secret.start >= stop) break
      emit(line, done, secret.start)
      done = secret.end
      stop = Math.max(stop, done)
      if (secret.open) {
        openKey()
        feedKey(line.subarray(secret.start))
        return line.length
      }
      if (to < line.length && done === line.length) {
        swallow = secret.tail
        secret.tagged = undefined
      }
      replace(secret)
    }
    emit(line, done, stop)
    return stop
  }

  /** Releases a line and looks at the result again: what a marker laid bare goes too, so that redacting twice changes nothing. */
  const settle = (line: Buffer, from: number, starts: boolean): void => {
    const start = written
    const before = hits
    release(line, from, line.length, starts)
    for (let round = 0; round < ROUNDS_MAX && hits > before && !key && from === 0; round++) {
      const once = Buffer.from(out.subarray(start, written))
      const secrets = secretsOf(once, starts)
      if (secrets.length === 0) return
      written = start
      release(once, 0, once.length, starts)
    }
  }

  /** Gives key material to the tag; `line` may be the line on which the key begins. */
  const feedKey = (line: Buffer): void => {
    if (!key) return
    const text = viewText(line).replace(/^.*?(?:PRIVATE[ +]KEY(?:[ +]BLOCK)? ?-{4,5}|Private-Lines: \d{1,4})/, '')
    const material = keyMaterial(text)
    if (material.length >= 16) key.material = true
    if (material !== '') key.hmac?.update(material, 'latin1')
  }

  /** A line inside a key. Returns the offset from which the line is ordinary again, or its length + 1 when the key goes on. */
  const insideKey = (line: Buffer): number => {
    if (!key) return 0
    const { rendered } = viewsOf(line)
    const text = rendered.bytes.toString('latin1')
    const end = keyEnd(text, 0)
    if (end < 0) {
      if (!key.material && speaksOnly(text)) {
        closeKey(false)
        emit(NEWLINE)
        return 0
      }
      feedKey(line)
      if (isKeyLine(text)) key.material = true
      return line.length + 1
    }
    const material = keyMaterial(text.slice(0, end))
    key.hmac?.update(material, 'latin1')
    if (material.length > 0) key.material = true
    closeKey(true)
    return rendered.map ? (rendered.map[end - 1] ?? 0) + 1 : end
  }

  /** A whole line of at most LINE_MAX bytes, `line` without its line feed. */
  const wholeLine = (line: Buffer, ended: boolean, starts: boolean, from: number): void => {
    const start = key ? insideKey(line) : from
    if (key) key.ended = ended
    if (start > line.length) return
    const length = line.at(-1) === 0x0d ? line.length - 1 : line.length
    if (start > from) {
      const rest = line.subarray(start, Math.max(start, length))
      settle(rest, 0, false)
    } else settle(line.subarray(0, length), from, starts)
    if (key) {
      key.ended = ended
      return
    }
    emit(line, Math.max(length, start))
    if (ended) emit(NEWLINE)
  }

  /** LINE_MAX bytes of a line that goes on: releases what cannot be part of a secret any more. */
  const window = (): void => {
    const bytes = hold.subarray(0, held)
    let cut: number
    if (key) {
      const end = insideKey(bytes)
      cut = end > held ? held - CONTEXT : end
    } else {
      hold[held] = LF
      const quiet = scanner.next(hold, 0, held + 1) < 0
      const copy = Buffer.from(bytes)
      if (quiet) emit(copy, context, held - OVERLAP)
      cut = quiet ? held - OVERLAP : release(copy, context, held - OVERLAP, lineStart && context === 0)
      if (key) cut = held - CONTEXT
    }
    context = key || swallow ? 0 : Math.min(CONTEXT, cut)
    lineStart = false
    hold.copyWithin(0, cut - context, held)
    held -= cut - context
  }

  const keep = (bytes: Buffer): void => {
    for (let from = swallowed(bytes); from < bytes.length; ) {
      if (held === LINE_MAX) {
        window()
        if (swallow) from += swallowed(bytes.subarray(from))
        continue
      }
      const count = Math.min(bytes.length - from, LINE_MAX - held)
      if (held + count + 1 > hold.length)
        hold = grown(hold, held, Math.min(LINE_MAX + 2, Math.max(held + count + 2, hold.length * 2)))
      bytes.copy(hold, held, from, from + count)
      held += count
      from += count
    }
  }

  /** How many of the bytes still belong to a secret that was too long for the window. */
  const swallowed = (bytes: Buffer): number => {
    if (!swallow) return 0
    if (swallow === 'line') return bytes.length
    const at = bytes.findIndex((byte) => byte <= 0x20 || byte === 0x22 || byte === 0x27)
    if (at < 0) return bytes.length
    swallow = undefined
    return at
  }

  const finishLine = (ended: boolean): void => {
    const line = Buffer.from(hold.subarray(0, held))
    wholeLine(line, ended, lineStart, context)
    held = 0
    context = 0
    lineStart = true
    swallow = undefined
  }

  /** Whole lines, line feeds included. */
  const lines = (block: Buffer): void => {
    let done = 0
    for (let from = 0; from < block.length; ) {
      const at = key ? from : scanner.next(block, from, block.length)
      if (at < 0) break
      let start = at
      while (start > from && block[start - 1] !== LF) start--
      const end = block.indexOf(LF, at)
      emit(block, done, start)
      if (end - start > LINE_MAX) {
        keep(block.subarray(start, end))
        finishLine(true)
      } else wholeLine(block.subarray(start, end), true, true, 0)
      done = from = end + 1
    }
    emit(block, done)
  }

  const flush = (): Buffer => {
    const bytes = out.subarray(0, written)
    out = NONE
    written = 0
    return bytes
  }

  return {
    push(chunk) {
      if (chunk.length > 4096) out = Buffer.allocUnsafeSlow(chunk.length + 4096)
      let from = 0
      const first = held > 0 || swallow || !lineStart ? chunk.indexOf(LF) : -1
      if (held > 0 || swallow || !lineStart) {
        keep(first < 0 ? chunk : chunk.subarray(0, first))
        if (first < 0) return flush()
        finishLine(true)
        from = first + 1
      }
      const last = chunk.lastIndexOf(LF) + 1
      if (last > from) lines(chunk.subarray(from, last))
      if (Math.max(last, from) < chunk.length) keep(chunk.subarray(Math.max(last, from)))
      return flush()
    },
    end() {
      if (held > 0 || swallow) finishLine(false)
      if (key) {
        const { ended } = key
        closeKey(false)
        if (ended) emit(NEWLINE)
      }
      return flush()
    },
    get hits() {
      return hits
    },
  }
}

/** For texts that are whole: audit subjects, notifications. */
export function redactText(text: string, options: { hostKey?: Buffer }): { text: string; hits: number } {
  const redactor = createRedactor(options)
  const bytes = Buffer.concat([redactor.push(Buffer.from(text, 'utf8')), redactor.end()])
  return { text: bytes.toString('utf8'), hits: redactor.hits }
}

function viewText(line: Buffer): string {
  const { rendered } = viewsOf(line)
  return rendered.bytes.toString('latin1')
}

function grown(buffer: Buffer, used: number, size: number): Buffer<ArrayBuffer> {
  const larger = Buffer.allocUnsafeSlow(size)
  buffer.copy(larger, 0, 0, used)
  return larger
}

/** Apart, and in this order: where there is no long run, the parts of the second can share only a short one. */
const isKeyLine = (text: string): boolean =>
  /[A-Za-z0-9+/=]{16}/.test(text) || /^[\s>|#*"'+,-]*[A-Za-z0-9+/=]+[\s"',;\\]*(?:\^M)?\$?$/.test(text)

/** Neither key material nor what may stand in front of it (a header of RFC 1421, an empty line): the key was only named. */
const speaksOnly = (text: string): boolean =>
  !isKeyLine(text) && !/^[\s>|#*"'+,-]*(?:[A-Za-z-]{3,24}: ?.*)?\\*$/.test(text)
