// A container's log on the wire: frames of `u8 stream | 3 bytes | u32 length | content`, or the bytes themselves where the
// container has a terminal. Nothing is held but a frame's head.
const HEADER = 8
const STDERR = 2

export type Piece = { stderr: boolean; data: Buffer }

/** @throws Error when these are no frames */
export async function* readLog(stream: AsyncIterable<Buffer>, terminal: boolean): AsyncGenerator<Piece> {
  let head: Buffer = Buffer.alloc(0)
  let stderr = false
  let rest = 0
  for await (const chunk of stream) {
    if (terminal) yield { stderr, data: chunk }
    for (let at = terminal ? chunk.length : 0; at < chunk.length; ) {
      if (rest > 0) {
        const data = chunk.subarray(at, at + rest)
        at += data.length
        rest -= data.length
        yield { stderr, data }
        continue
      }
      const part = chunk.subarray(at, at + HEADER - head.length)
      at += part.length
      head = Buffer.concat([head, part])
      if (head.length < HEADER) continue
      if (head.readUInt8(0) > STDERR) throw new Error('the engine sent no frames')
      stderr = head.readUInt8(0) === STDERR
      rest = head.readUInt32BE(4)
      head = Buffer.alloc(0)
    }
  }
}
