// What a lane and the daemon say to each other over a lane's standard input and output: frames of
// `u32 length | u8 kind | body`, big-endian. The same over a pipe and over a socket that systemd accepted.
import { LIMITS } from '#proto/contract/limits.ts'

const HEADER = 5
const WORDS = 1
const OUTPUT = 2
/** The largest request of the link, in base64 and JSON; output frames are LIMITS.chunk and an offset. */
const LARGEST = 2 * LIMITS.message

export type Frame<Words> = { words: Words } | { output: { offset: number; data: Buffer } }

function frame(kind: number, body: Buffer): Buffer {
  const head = Buffer.allocUnsafe(HEADER)
  head.writeUInt32BE(body.length, 0)
  head.writeUInt8(kind, 4)
  return Buffer.concat([head, body])
}

export const wordsFrame = (words: unknown): Buffer => frame(WORDS, Buffer.from(JSON.stringify(words), 'utf8'))

export function outputFrame(offset: number, data: Buffer): Buffer {
  const head = Buffer.allocUnsafe(8)
  head.writeBigUInt64BE(BigInt(offset), 0)
  return frame(OUTPUT, Buffer.concat([head, data]))
}

function parse<Words>(kind: number, body: Buffer): Frame<Words> {
  if (kind === WORDS) return { words: JSON.parse(body.toString('utf8')) as Words }
  if (kind === OUTPUT) return { output: { offset: Number(body.readBigUInt64BE(0)), data: body.subarray(8) } }
  throw new RangeError(`no such frame: ${kind}`)
}

/** Frames of a byte stream, one after the other; the stream is read only as fast as they are taken. */
export async function* readFrames<Words>(stream: AsyncIterable<Buffer>): AsyncGenerator<Frame<Words>> {
  let held: Buffer = Buffer.alloc(0)
  for await (const chunk of stream) {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk])
    while (held.length >= HEADER) {
      const length = held.readUInt32BE(0)
      if (length > LARGEST) throw new RangeError('frame too large')
      if (held.length < HEADER + length) break
      const body = held.subarray(HEADER, HEADER + length)
      const kind = held.readUInt8(4)
      held = held.subarray(HEADER + length)
      yield parse<Words>(kind, body)
    }
  }
}
