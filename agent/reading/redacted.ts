// Redacted pieces from the middle of a file: the redactor is shown what stands in front, so that a piece of a private
// key or of a long line is not taken for ordinary text.
import { createRedactor } from '#proto/redaction/redactor.ts'
import { LF } from './text.ts'

export type Piece = { text: Buffer; redactions: number }

/**
 * @param lead what stands in front, back to BOUNDS.lookback; ends with a line feed, or is empty at the beginning
 * @param body whole lines, except the file's last
 */
export function redactBehind(lead: Buffer, body: Buffer, hostKey: Buffer | undefined): Piece {
  const redactor = createRedactor(hostKey ? { hostKey } : {})
  redactor.push(lead)
  const before = redactor.hits
  const text = Buffer.concat([redactor.push(body), redactor.end()])
  return { text, redactions: redactor.hits - before }
}

/** From the first whole line on; all of it where it is one line. */
export const fromLineStart = (lead: Buffer, isStart: boolean): Buffer =>
  isStart ? lead : lead.subarray(lead.indexOf(LF) + 1)
