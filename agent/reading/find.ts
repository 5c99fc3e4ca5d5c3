// Where in a file the wanted lines begin, in constant memory.
import { CatalogueError } from '#proto/contract/errors.ts'
import { BOUNDS } from './bounds.ts'
import type { Place } from './read.ts'
import { blocksOf, type Source } from './source.ts'
import { beforeLines, behindLines, countLines, LF } from './text.ts'

/** The last lines, and no more of them than an answer holds. */
export async function findTail(source: Source, lines: number, max: number, late: () => boolean): Promise<Place> {
  const { size, last } = source.packed ? await lastOf(source, max, late) : await endOf(source, max)
  const offset = size - last.length
  const from = beforeLines(last, lines)
  if (from >= 0) return { start: offset + from, lines }
  if (offset === 0) return { start: 0, lines, firstLine: 1 }
  const feed = last.subarray(0, -1).indexOf(LF)
  if (feed >= 0) return { start: offset + feed + 1, lines, shortened: 'bytes' }
  const begin = await lineBegin(source, offset)
  return begin === undefined
    ? { start: size, lines: 0, shortened: 'long_line' }
    : { start: begin, lines: 1, shortened: 'bytes' }
}

async function endOf(source: Source, max: number): Promise<{ size: number; last: Buffer }> {
  const size = source.size() ?? 0
  return { size, last: await source.read(Math.max(0, size - max), max) }
}

/** A compressed file has to be read to its end. */
async function lastOf(source: Source, max: number, late: () => boolean): Promise<{ size: number; last: Buffer }> {
  let kept: Buffer[] = []
  let length = 0
  let size = 0
  for await (const block of blocksOf(source)) {
    kept.push(Buffer.from(block))
    length += block.length
    size += block.length
    if (length > 2 * max + BOUNDS.block) {
      kept = [Buffer.from(Buffer.concat(kept).subarray(-max))]
      length = max
    }
    if (late()) throw new CatalogueError('TIMEOUT', { reason: 'compressed' })
  }
  return { size, last: Buffer.concat(kept).subarray(-max) }
}

/** Where the line begins that this offset is in. In the middle of an endless one nobody can tell what is a secret. */
async function lineBegin(source: Source, offset: number): Promise<number | undefined> {
  const back = Math.min(offset, BOUNDS.line)
  const feed = (await source.read(offset - back, back)).lastIndexOf(LF)
  return feed < 0 && back < offset ? undefined : offset - back + feed + 1
}

export async function findLine(source: Source, from: number, to: number, late: () => boolean): Promise<Place> {
  const lines = Math.max(0, to - from + 1)
  let line = 1
  let offset = 0
  for await (const block of blocksOf(source)) {
    if (line === from) break
    const at = behindLines(block, from - line)
    if (at >= 0) return { start: offset + at, lines, firstLine: from }
    line += countLines(block)
    offset += block.length
    if (late()) return { start: offset, lines: 0, firstLine: line, shortened: 'time' }
  }
  return { start: offset, lines: line === from ? lines : 0, firstLine: line }
}
