// Frames on their way to one agent: bounded, and no faster than the agent reads. A frame is made when its turn has come,
// so that one that has become pointless is not sent.
import type { CentralFrame } from '#proto/gen/mttrly/agent/v1/CentralFrame.ts'

/** undefined: no longer wanted. */
export type MakeFrame = () => CentralFrame | undefined

export type Outbox = {
  /** False when there is no room. `bytes` is what the frame weighs while it waits. */
  put(make: MakeFrame, bytes?: number): boolean
  /** To be called when the stream takes more. */
  drain(): void
  waiting(): number
}

/** `write` takes a frame and says whether the stream wants another one now. */
export function createOutbox(
  write: (frame: CentralFrame) => boolean,
  limits: { frames: number; bytes: number },
): Outbox {
  const queue: { make: MakeFrame; bytes: number }[] = []
  let queuedBytes = 0
  let open = true

  function send(make: MakeFrame): void {
    const frame = make()
    if (frame) open = write(frame)
  }

  return {
    put(make, bytes = 0) {
      if (open) {
        send(make)
        return true
      }
      if (queue.length >= limits.frames || (bytes > 0 && queuedBytes + bytes > limits.bytes)) return false
      queue.push({ make, bytes })
      queuedBytes += bytes
      return true
    },
    drain() {
      open = true
      while (open) {
        const next = queue.shift()
        if (!next) return
        queuedBytes -= next.bytes
        send(next.make)
      }
    },
    waiting: () => queue.length,
  }
}
