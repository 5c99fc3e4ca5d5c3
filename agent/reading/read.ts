// One file: its head, its tail, some lines, or page by page. Always redacted; what was left out is said.
import { createHash } from 'node:crypto'
import { fstatSync } from 'node:fs'
import { CatalogueError } from '#proto/contract/errors.ts'
import { BOUNDS } from './bounds.ts'
import { parseCursor, printCursor } from './cursor.ts'
import { findLine, findTail } from './find.ts'
import { denied, type Opened, openFile, type Reach, type ReadRing } from './reach.ts'
import { leadOf, redactBehind } from './redacted.ts'
import { isDamage, type Source, sourceOf, TooMuch } from './source.ts'
import { behindLines, cutAt, isBinary, LF } from './text.ts'

export type Wanted =
  | { kind: 'head'; lines: number }
  | { kind: 'tail'; lines: number }
  /** Counted from 1, both included. */
  | { kind: 'lines'; from: number; to: number }
  | { kind: 'page'; cursor?: string | undefined; lines?: number | undefined }
export type ReadRequest = { path: string; ring: ReadRing; wanted: Wanted; maxBytes?: number }

/** Why there is less than was asked for. */
export type Shortened = 'bytes' | 'time' | 'long_line'
type About = { path: string; size: number | undefined; packed: Source['packed']; modifiedAt: number; changed: boolean }
export type TextRead = About & {
  kind: 'text'
  text: Buffer
  redactions: number
  /** Bytes of the content in front of what is given, and behind it where that is known. */
  before: number
  after: number | undefined
  firstLine: number | undefined
  shortened: Shortened | undefined
  /** For the page that follows; none at the end. */
  next: string | undefined
}
export type BinaryRead = About & { kind: 'binary'; sha256: string | undefined }

/** Where to begin, how many lines at most. */
export type Place = { start: number; lines: number; firstLine?: number; skip?: number; shortened?: Shortened }
type Page = {
  bytes: Buffer
  redactions: number /** Of what was given in the content; unknown in an endless line. */
  end: number | undefined
  skip: number
  shortened: Shortened | undefined
}

const ALL = Number.MAX_SAFE_INTEGER
const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 1

export async function readFile(reach: Reach, request: ReadRequest): Promise<TextRead | BinaryRead> {
  const { wanted, maxBytes = BOUNDS.answer } = request
  const counts = { head: ['lines'], tail: ['lines'], lines: ['from', 'to'], page: [] }[wanted.kind]
  const wrong = counts.find((name) => !isCount((wanted as unknown as Record<string, number>)[name] ?? 0))
  if (wrong ?? !isCount(maxBytes)) throw new CatalogueError('VALIDATION_ERROR', { field: wrong ?? 'maxBytes' })
  const file = openFile(reach, request.path, request.ring)
  try {
    return await readOpened(reach, file, wanted, Math.min(maxBytes, BOUNDS.answerMax))
  } catch (error) {
    if (error instanceof TooMuch) throw new CatalogueError('OUTPUT_TOO_LARGE', { path: request.path, packed: true })
    if (isDamage(error)) throw denied('damaged_archive', request.path)
    throw error
  } finally {
    file.close()
  }
}

async function readOpened(reach: Reach, file: Opened, wanted: Wanted, max: number): Promise<TextRead | BinaryRead> {
  const source = sourceOf(file)
  const until = reach.clock() + BOUNDS.time
  const late = (): boolean => reach.clock() > until
  const place = await placeOf(source, file, wanted, max, late)
  const page = await pageAt(source, place, max, reach.hostKey)
  const about = { path: file.path, size: source.size(), packed: source.packed, modifiedAt: file.modifiedAt }
  if (page === 'binary')
    return {
      kind: 'binary',
      ...about,
      changed: hasChanged(file),
      sha256: hashOf(await source.read(0, BOUNDS.hashed), file),
    }
  const { end, skip } = page
  const next = end === undefined || (skip === 0 && (await isEnd(source, end))) ? undefined : { start: end, skip }
  return {
    kind: 'text',
    ...about,
    size: source.size(),
    changed: hasChanged(file),
    text: page.bytes,
    redactions: page.redactions,
    before: place.start,
    after: source.size() === undefined || end === undefined ? undefined : Math.max(0, (source.size() ?? 0) - end),
    firstLine: place.firstLine,
    shortened: place.shortened ?? page.shortened,
    next: next && printCursor({ ino: String(file.held.stat.ino), ...next }),
  }
}

const isEnd = async (source: Source, offset: number): Promise<boolean> => (await source.read(offset, 1)).length === 0

async function placeOf(source: Source, file: Opened, wanted: Wanted, max: number, late: () => boolean): Promise<Place> {
  switch (wanted.kind) {
    case 'head':
      return { start: 0, lines: wanted.lines, firstLine: 1 }
    case 'tail':
      return findTail(source, wanted.lines, max, late)
    case 'lines':
      return findLine(source, wanted.from, wanted.to, late)
    case 'page':
      return { ...(await resume(source, file, wanted.cursor)), lines: wanted.lines ?? ALL }
  }
}

/** A cursor may be old or made up: it has to stand at the beginning of a line of this very file. */
async function resume(source: Source, file: Opened, cursor: string | undefined): Promise<Omit<Place, 'lines'>> {
  if (cursor === undefined) return { start: 0, firstLine: 1 }
  const at = parseCursor(cursor)
  const stale = (reason: string) => new CatalogueError('VALIDATION_ERROR', { field: 'cursor', reason })
  if (!at) throw stale('not_ours')
  if (at.ino !== String(file.held.stat.ino)) throw stale('file_replaced')
  const before = at.start === 0 ? undefined : (await source.read(at.start - 1, 1))[0]
  if (at.start > 0 && before !== LF) throw stale('file_changed')
  return { start: at.start, skip: at.skip }
}

async function pageAt(
  source: Source,
  { start, lines, skip = 0 }: Place,
  max: number,
  hostKey: Buffer | undefined,
): Promise<Page | 'binary'> {
  const back = Math.min(BOUNDS.lookbackFar, start)
  const bytes = await source.read(start - back, back + BOUNDS.line + 1)
  const lead = leadOf(bytes.subarray(0, back), back === start)
  const rest = bytes.subarray(back)
  if (isBinary(rest.subarray(0, Math.max(max, 4096)))) return 'binary'
  if (skip > 0 || isLongLine(rest, max)) return partOfLine(source, { start, lead, rest, skip, max, hostKey })
  const asked = behindLines(rest.subarray(0, max), lines)
  const whole = rest.length <= max ? rest.length : rest.lastIndexOf(LF, max - 1) + 1
  const end = asked < 0 ? whole : asked
  const { text, redactions } = redactBehind(lead, rest.subarray(0, end), hostKey)
  const shortened = asked < 0 && rest.length > max && lines !== ALL ? 'bytes' : undefined
  return { bytes: text, redactions, end: start + end, skip: 0, shortened }
}

const isLongLine = (rest: Buffer, max: number): boolean => rest.length > max && !rest.subarray(0, max).includes(LF)

type LongLine = { start: number; lead: Buffer; rest: Buffer; skip: number; max: number; hostKey: Buffer | undefined }

/** A line that fills more than a page goes on where its redacted text was left. */
async function partOfLine(source: Source, { start, lead, rest, skip, max, hostKey }: LongLine): Promise<Page> {
  const feed = rest.indexOf(LF)
  const line = feed < 0 ? rest : rest.subarray(0, feed + 1)
  const { text, redactions } = redactBehind(lead, line, hostKey)
  const bytes = cutAt(text.subarray(skip), max)
  const given = skip + bytes.length
  if (given < text.length) return { bytes, redactions, end: start, skip: given, shortened: 'bytes' }
  if (feed >= 0 || rest.length <= BOUNDS.line)
    return { bytes, redactions, end: start + line.length, skip: 0, shortened: undefined }
  const beyond = await source.read(start + line.length, BOUNDS.beyondLine)
  const end = start + line.length + beyond.indexOf(LF) + 1
  return { bytes, redactions, end: beyond.includes(LF) ? end : undefined, skip: 0, shortened: 'long_line' }
}

const hasChanged = ({ fd, size, modifiedAt }: Opened): boolean => {
  const now = fstatSync(fd)
  return now.size !== size || Math.trunc(now.mtimeMs) !== modifiedAt
}

/** Of a binary file that is not too long; of text it would let short secrets be guessed. */
const hashOf = (content: Buffer, { size }: Opened): string | undefined =>
  size < BOUNDS.hashed ? createHash('sha256').update(content).digest('hex') : undefined
