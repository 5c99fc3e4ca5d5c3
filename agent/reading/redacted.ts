// Redacted pieces from the middle of a file: the redactor is shown what stands in front, so that a piece of a private
// key or of a long line is not taken for ordinary text.
import { createRedactor } from '#proto/redaction/redactor.ts'
import { BOUNDS } from './bounds.ts'
import { LF } from './text.ts'

export type Piece = { text: Buffer; redactions: number }

/**
 * @param lead what stands in front, as leadOf() says; ends with a line feed, or is empty at the beginning
 * @param body whole lines, except the file's last
 */
export function redactBehind(lead: Buffer, body: Buffer, hostKey: Buffer | undefined): Piece {
  // Nothing asked for, nothing given: at the end of an endless line the lead is a part of it, and would be held back.
  if (body.length === 0) return { text: body, redactions: 0 }
  const redactor = createRedactor(hostKey ? { hostKey } : {})
  redactor.push(lead)
  const before = redactor.hits
  const text = Buffer.concat([redactor.push(body), redactor.end()])
  return { text, redactions: redactor.hits - before }
}

/** The lines that the redactor has to see, of what stands in front, back to BOUNDS.lookbackFar or the beginning. */
export function leadOf(before: Buffer, isBeginning: boolean): Buffer {
  if (before.length <= BOUNDS.lookback) return fromLineStart(before, isBeginning)
  const near = fromLineStart(before.subarray(-BOUNDS.lookback), false)
  return isKeyLike(near.subarray(0, near.indexOf(LF))) ? fromLineStart(before, isBeginning) : near
}

const isKeyLike = (line: Buffer): boolean =>
  /^[\s>|#*"'+,-]*[A-Za-z0-9+/=]{16,}[\s"',;\\]*$/.test(line.toString('latin1'))

/** From the first whole line on; all of it where it is one line. */
const fromLineStart = (lead: Buffer, isStart: boolean): Buffer => (isStart ? lead : lead.subarray(lead.indexOf(LF) + 1))
