// Requests of one stream that are under way: matched to their answers by id, bounded in number, their output bounded by
// credit. The agent gets new credit when the reader has taken what was sent, so a slow reader slows the agent and fills
// no memory.
import { LIMITS } from '#proto/contract/limits.ts'
import { isGranted } from '#proto/contract/methods.ts'
import type { Chunk__Output } from '#proto/gen/mttrly/agent/v1/Chunk.ts'
import type { Response__Output } from '#proto/gen/mttrly/agent/v1/Response.ts'
import type { AgentAnswer, AgentCall, OnOutput } from '../bus/bus.ts'
import type { Clock } from '../domain/clock.ts'
import { readFailure } from './frames.ts'
import type { RelayLimits } from './limits.ts'
import type { Outbox } from './outbox.ts'

/** Room for the frame around a request's body. */
const FRAME_OVERHEAD = 4 * 1024

type Pending = {
  call: AgentCall
  onOutput: OnOutput
  settle: (answer: AgentAnswer) => void
  fail: (fault: unknown) => void
  /** Offset of the next byte of output. */
  next: number
  /** Bytes that the agent may still send. */
  credit: number
  /** Bytes taken by the reader and not yet granted anew. */
  taken: number
  /** Ends when the reader has all output so far. */
  reading: Promise<void>
  answered: boolean
}

export type RequestsCounters = { strayAnswers: number; strayChunks: number }

/** What an agent did that no honest agent does; its stream is closed. */
export type Violation = 'credit exceeded' | 'chunk too large' | 'gap in the output' | 'empty answer'

export function createRequests(rooms: {
  outbox: Outbox
  clock: Clock
  limits: RelayLimits
  counters: RequestsCounters
  /** The stream takes no more frames. */
  onOverflow: () => void
}) {
  const { outbox, clock, limits, counters } = rooms
  const pending = new Map<string, Pending>()
  let gone = false

  function add(call: AgentCall, onOutput: OnOutput): { entry: Pending; answer: Promise<AgentAnswer> } {
    const { promise, resolve, reject } = Promise.withResolvers<AgentAnswer>()
    // Whoever asked before under this id is gone: the newest caller gets the answer.
    end(pending.get(call.id), { kind: 'lost' })
    const entry: Pending = {
      call,
      onOutput,
      settle: resolve,
      fail: reject,
      next: call.outputFrom,
      credit: limits.credit,
      taken: 0,
      reading: Promise.resolve(),
      answered: false,
    }
    pending.set(call.id, entry)
    return { entry, answer: promise }
  }

  /** Settles after the reader has what came before. */
  function end(entry: Pending | undefined, answer: AgentAnswer): void {
    if (!entry || entry.answered) return
    entry.answered = true
    void entry.reading.then(() => {
      remove(entry)
      entry.settle(answer)
    })
  }

  function remove(entry: Pending): void {
    if (pending.get(entry.call.id) === entry) pending.delete(entry.call.id)
  }

  const requestFrame = (entry: Pending) => () => {
    if (entry.answered) return
    const { id, method, body, startBefore } = entry.call
    if (startBefore > clock.now()) return { request: { id, method, body, startBefore } }
    end(entry, notSent('TIMEOUT'))
  }

  function cancel(entry: Pending): void {
    const { id } = entry.call
    if (entry.answered) return
    if (!outbox.put(() => ({ cancel: { requestId: id } }))) rooms.onOverflow()
    setTimeout(() => end(entry, { kind: 'lost' }), limits.cancelWithin).unref()
  }

  function give(entry: Pending, bytes: number): void {
    entry.taken += bytes
    if (entry.answered || entry.taken < limits.credit / 4) return
    const granted = entry.taken
    entry.taken = 0
    entry.credit += granted
    if (!outbox.put(() => ({ credit: { requestId: entry.call.id, bytes: granted } }))) rooms.onOverflow()
  }

  /** The reader broke: the caller hears of it, and a run that nobody reads is ended unless it must finish what it does. */
  function readerFailed(entry: Pending, fault: unknown): void {
    const { id, method } = entry.call
    entry.answered = true
    remove(entry)
    entry.fail(fault)
    if (!isGranted(method)) outbox.put(() => ({ cancel: { requestId: id } }))
  }

  return {
    inFlight: () => pending.size,

    async call(
      call: AgentCall,
      { onOutput, signal }: { onOutput: OnOutput; signal: AbortSignal },
    ): Promise<AgentAnswer> {
      if (gone) return notSent('SERVER_OFFLINE')
      if (signal.aborted || call.startBefore <= clock.now()) return notSent('TIMEOUT')
      if (call.body.length + FRAME_OVERHEAD > LIMITS.message)
        return notSent('VALIDATION_ERROR', { why: 'request too large' })
      if (!pending.has(call.id) && pending.size >= limits.requestsInFlight)
        return notSent('RATE_LIMITED', { retry_after_s: 1 })
      const { entry, answer } = add(call, onOutput)
      if (!outbox.put(requestFrame(entry), call.body.length)) end(entry, notSent('RATE_LIMITED', { retry_after_s: 1 }))
      const onAbort = () => cancel(entry)
      signal.addEventListener('abort', onAbort, { once: true })
      try {
        return await answer
      } finally {
        signal.removeEventListener('abort', onAbort)
      }
    },

    onChunk({ requestId, offset, data }: Chunk__Output): Violation | undefined {
      const entry = pending.get(requestId)
      if (!entry || entry.answered) {
        counters.strayChunks++
        return
      }
      if (data.length > LIMITS.chunk) return 'chunk too large'
      if (offset > entry.next) return 'gap in the output'
      entry.credit -= data.length
      if (entry.credit < 0) return 'credit exceeded'
      const fresh = data.subarray(entry.next - offset)
      const from = entry.next
      entry.next += fresh.length
      entry.reading = entry.reading
        .then(async () => {
          if (fresh.length > 0) await entry.onOutput(from, fresh)
          give(entry, data.length)
        })
        .catch((fault) => readerFailed(entry, fault))
    },

    onResponse(response: Response__Output): Violation | undefined {
      const entry = pending.get(response.requestId)
      if (!entry || entry.answered) {
        counters.strayAnswers++
        return
      }
      if (response.failure) end(entry, { kind: 'failure', ...readFailure(response.failure) })
      else if (response.body) end(entry, { kind: 'body', body: response.body })
      else return 'empty answer'
    },

    /** The stream is gone. */
    loseAll(): void {
      gone = true
      for (const entry of pending.values()) end(entry, { kind: 'lost' })
    },
  }
}

export type Requests = ReturnType<typeof createRequests>

/** Refused here: this attempt never reached the agent. */
const notSent = (code: string, details: Record<string, unknown> = {}): AgentAnswer => ({
  kind: 'failure',
  code,
  details: { ...details, by: 'relay', sent: false },
})
