// Two files, or a file and what shall be in its place, as a unified diff of their redacted texts. That secrets differ
// shows by their tags alone: a question about one has no answer here.
import { CatalogueError } from '#proto/contract/errors.ts'
import { redactText } from '#proto/redaction/redactor.ts'
import { BOUNDS } from './bounds.ts'
import { changesBetween, unified } from './edits.ts'
import { denied, openFile, type Reach, type ReadRing } from './reach.ts'
import { redactBehind } from './redacted.ts'
import { sourceOf, TooMuch } from './source.ts'
import { isBinary } from './text.ts'

export type DiffRequest = { from: string; to: string; ring: ReadRing }
export type Diff = {
  text: string
  /** As far as it is shown: secrets may differ nevertheless. */
  same: boolean
  added: number
  removed: number
  redactions: number
  /** Lines of the diff that are left out. */
  leftOut: number
}
type Side = { name: string; text: string; redactions: number }

export async function diffFiles(reach: Reach, { from, to, ring }: DiffRequest): Promise<Diff> {
  return diffOf(await sideOf(reach, from, ring), await sideOf(reach, to, ring))
}

/** For an approval: what a write would change. `before` is undefined where there is no file yet. */
export function diffContents(path: string, before: Buffer | undefined, after: Buffer, hostKey?: Buffer): Diff {
  const side = (name: string, content: Buffer): Side => textOf(name, content, hostKey)
  return diffOf(before ? side(path, before) : { name: '/dev/null', text: '', redactions: 0 }, side(path, after))
}

async function sideOf(reach: Reach, path: string, ring: ReadRing): Promise<Side> {
  const file = openFile(reach, path, ring)
  try {
    const content = await sourceOf(file).read(0, BOUNDS.diff + 1)
    return textOf(file.path, content, reach.hostKey)
  } catch (error) {
    if (error instanceof TooMuch) throw new CatalogueError('OUTPUT_TOO_LARGE', { path })
    throw error
  } finally {
    file.close()
  }
}

function textOf(name: string, content: Buffer, hostKey: Buffer | undefined): Side {
  if (content.length > BOUNDS.diff) throw new CatalogueError('OUTPUT_TOO_LARGE', { path: name, limit: BOUNDS.diff })
  if (isBinary(content)) throw denied('binary', name)
  const { text, redactions } = redactBehind(Buffer.alloc(0), content, hostKey)
  return { name: redactText(name, {}).text, text: text.toString(), redactions }
}

/** The last line without a line feed is another line than with one, as diff(1) has it. */
const linesOf = (text: string): string[] => {
  const lines = text.split('\n')
  const last = lines.pop()
  return last === '' || last === undefined ? lines : [...lines, `${last}\n\\ No newline at end of file`]
}

function diffOf(from: Side, to: Side): Diff {
  const [a, b] = [linesOf(from.text), linesOf(to.text)]
  const changes = changesBetween(a, b)
  const lines = changes.length === 0 ? [] : [`--- ${from.name}`, `+++ ${to.name}`, ...unified(a, b, changes)]
  const { text, leftOut } = bounded(lines)
  return {
    text,
    same: changes.length === 0,
    added: changes.reduce((sum, { bFrom, bTo }) => sum + bTo - bFrom, 0),
    removed: changes.reduce((sum, { aFrom, aTo }) => sum + aTo - aFrom, 0),
    redactions: from.redactions + to.redactions,
    leftOut,
  }
}

function bounded(lines: readonly string[]): { text: string; leftOut: number } {
  const kept: string[] = []
  let room: number = BOUNDS.answer
  for (const line of lines) {
    room -= Buffer.byteLength(line) + 1
    if (room < 0) break
    kept.push(`${line}\n`)
  }
  return { text: kept.join(''), leftOut: lines.length - kept.length }
}
