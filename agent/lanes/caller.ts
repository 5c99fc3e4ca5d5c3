// A lane's side of the conversation with whoever started it: standard input and output, or one accepted socket as both.
import { Socket } from 'node:net'
import { LIMITS } from '#proto/contract/limits.ts'
import { outputFrame, readFrames, wordsFrame } from './frames.ts'
import type { Cancel, LaneWords, Request } from './words.ts'

export type Caller = {
  /** The one request, or undefined when the caller went away before it had one. */
  request(): Promise<Request | undefined>
  /** Aborted by a cancel. */
  readonly cancelled: AbortSignal
  /** Aborted when the caller has gone; a lane that must go on ignores it. */
  readonly gone: AbortSignal
  /** Resolves when there is room for more; at once when nobody listens any more. */
  output(offset: number, data: Buffer): Promise<void>
  say(words: LaneWords | Record<string, unknown>): Promise<void>
  /** Resolves when all that was said has been handed over, or nobody listens any more. */
  close(): Promise<void>
}

/** Plain sockets on both descriptors: process.stdout would block the process, its timers included, on a full pipe. */
export function connectCaller(
  input = new Socket({ fd: 0, writable: false }),
  output = new Socket({ fd: 1, readable: false }),
): Caller {
  const cancelled = new AbortController()
  const gone = new AbortController()
  const leave = (): void => gone.abort()
  for (const stream of [input, output]) stream.on('error', leave).on('close', leave)
  const frames = readFrames<Request | Cancel>(input)

  const watch = async (): Promise<void> => {
    try {
      for await (const frame of frames) if ('words' in frame && frame.words.do === 'cancel') cancelled.abort()
    } finally {
      leave()
    }
  }
  const send = (bytes: Buffer): Promise<void> => {
    if (gone.signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      if (output.write(bytes)) return resolve()
      const go = (): void => {
        output.off('drain', go)
        gone.signal.removeEventListener('abort', go)
        resolve()
      }
      output.on('drain', go)
      gone.signal.addEventListener('abort', go)
    })
  }
  return {
    cancelled: cancelled.signal,
    gone: gone.signal,
    async request() {
      const first = await frames.next()
      if (first.done || !('words' in first.value) || first.value.words.do === 'cancel') return undefined
      watch().catch(leave)
      return first.value.words
    },
    async output(offset, data) {
      for (let at = 0; at < data.length && !gone.signal.aborted; at += LIMITS.chunk)
        await send(outputFrame(offset + at, data.subarray(at, at + LIMITS.chunk)))
    },
    say: (words) => send(wordsFrame(words)),
    close: () =>
      new Promise((resolve) => {
        if (gone.signal.aborted) return resolve()
        gone.signal.addEventListener('abort', () => resolve())
        output.end(resolve)
      }),
  }
}
