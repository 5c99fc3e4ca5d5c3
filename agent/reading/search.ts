// A literal in the files of a tree: fast over raw bytes, and a hit only where the redacted line still holds it, so that
// no question about a secret is answered (a line that was a secret looks like one that has no hit).
import { CatalogueError } from '#proto/contract/errors.ts'
import { redactText } from '#proto/redaction/redactor.ts'
import { BOUNDS } from './bounds.ts'
import type { Opened, Reach, ReadRing } from './reach.ts'
import { createWindow, hitsIn } from './scan.ts'
import { blocksOf, isDamage, type Source, sourceOf, TooMuch } from './source.ts'
import { countLines, LF } from './text.ts'
import { filesUnder, newTally, type Tally } from './tree.ts'

export type SearchRequest = {
  /** A directory or a file. */
  root: string
  needle: string
  names?: string | undefined
  ring: ReadRing
  maxHits?: number
  timeMs?: number
}
export type Hit = { path: string; line: number; text: Buffer }
export type SearchResult = Tally & {
  hits: readonly Hit[]
  bytes: number
  /** Lines too long to be looked at. */
  longLines: number
  /** Why it ended before the last file; `hits_of_one_file` only left out the rest of that one. */
  shortened: readonly ('hits' | 'hits_of_one_file' | 'time' | 'files')[]
}

type Run = {
  window: Buffer
  needle: Buffer
  hostKey: Buffer | undefined
  late: () => boolean
  maxHits: number
  hits: Hit[]
  bytes: number
  longLines: number
  shortened: Set<SearchResult['shortened'][number]>
}

export async function searchFiles(reach: Reach, request: SearchRequest): Promise<SearchResult> {
  const run = runOf(reach, request)
  const tally = newTally()
  for (const file of filesUnder(reach, request.root, request, tally)) {
    const outcome = await searchFile(file, run)
    if (outcome !== 'searched') tally.passed[outcome]++
    if (run.hits.length >= run.maxHits) run.shortened.add('hits')
    if (run.late()) run.shortened.add('time')
    if (run.shortened.has('hits') || run.shortened.has('time')) break
  }
  if (tally.files >= BOUNDS.files) run.shortened.add('files')
  const { hits, bytes, longLines, shortened } = run
  return { ...tally, hits, bytes, longLines, shortened: [...shortened] }
}

function runOf(reach: Reach, { needle, maxHits = BOUNDS.hits, timeMs = BOUNDS.time }: SearchRequest): Run {
  const bytes = Buffer.from(needle)
  if (bytes.length === 0 || bytes.length > BOUNDS.needle || bytes.includes(LF) || bytes.includes(0))
    throw new CatalogueError('VALIDATION_ERROR', { field: 'query' })
  const until = reach.clock() + Math.min(timeMs, BOUNDS.time)
  return {
    window: createWindow(),
    needle: bytes,
    hostKey: reach.hostKey,
    late: () => reach.clock() > until,
    maxHits: Math.min(maxHits, BOUNDS.hits),
    hits: [],
    bytes: 0,
    longLines: 0,
    shortened: new Set(),
  }
}

async function searchFile(file: Opened, run: Run): Promise<'searched' | 'binary' | 'damaged' | 'not_readable'> {
  try {
    const source = sourceOf(file)
    const room = Math.min(BOUNDS.hitsOfOneFile, run.maxHits - run.hits.length)
    const { hits, ...about } = await hitsIn(source, run.window, { ...run, room })
    if (about.binary) return 'binary'
    run.bytes += about.bytes
    run.longLines += about.longLines
    if (hits.length === BOUNDS.hitsOfOneFile) run.shortened.add('hits_of_one_file')
    const lines = await lineNumbers(source, hits)
    const path = redactText(file.path, {}).text
    run.hits.push(...hits.map(({ text }, index) => ({ path, line: lines[index] ?? 0, text })))
    return 'searched'
  } catch (error) {
    if (error instanceof TooMuch || isDamage(error)) return 'damaged'
    return 'not_readable'
  }
}

/** Only for a file with hits: counting lines costs as much as looking for the needle. */
async function lineNumbers(source: Source, hits: readonly { offset: number }[]): Promise<number[]> {
  const numbers: number[] = []
  if (hits.length === 0) return numbers
  let line = 1
  let at = 0
  for await (const block of blocksOf(source)) {
    let done = 0
    for (let next = hits[numbers.length]; next && next.offset < at + block.length; next = hits[numbers.length]) {
      line += countLines(block.subarray(done, next.offset - at))
      done = next.offset - at
      numbers.push(line)
    }
    if (numbers.length === hits.length) break
    line += countLines(block.subarray(done))
    at += block.length
  }
  return numbers
}
