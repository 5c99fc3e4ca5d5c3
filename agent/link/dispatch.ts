// Requests of one stream, side by side: each gets its handler, its credit and its cancel; the stream's end ends the waiting.
import { CatalogueError, type ErrorCode } from '#proto/contract/errors.ts'
import { LIMITS } from '#proto/contract/limits.ts'
import type { AgentFrame } from '#proto/gen/mttrly/agent/v1/AgentFrame.ts'
import type { Request__Output } from '#proto/gen/mttrly/agent/v1/Request.ts'
import type { Log } from '../log.ts'
import { type Credit, createCredit } from './flow-control.ts'

export type LinkRequest = { id: string; method: string; body: Buffer; startBefore: number }
export type LinkAnswer =
  | { kind: 'body'; body: Buffer }
  | { kind: 'failure'; code: ErrorCode; details: Record<string, unknown> }
export type LinkContext = {
  requestId: string
  cancelled: AbortSignal
  gone: AbortSignal
  output(offset: number, data: Buffer): Promise<void>
}
/** @throws CatalogueError a refusal; anything else is a fault and answered as INTERNAL_ERROR */
export type Handle = (request: LinkRequest, ctx: LinkContext) => Promise<LinkAnswer>

export type Outlet = {
  send(frame: AgentFrame): void
  /** Resolves when the stream takes more. */
  ready(): Promise<void>
}

const failureFrame = (requestId: string, code: ErrorCode, details: Record<string, unknown>): AgentFrame => ({
  response: { requestId, failure: { code, detailsJson: JSON.stringify(details) } },
})

const answerFrame = (requestId: string, answer: LinkAnswer): AgentFrame =>
  answer.kind === 'body'
    ? { response: { requestId, body: answer.body } }
    : failureFrame(requestId, answer.code, answer.details)

export type Dispatch = ReturnType<typeof createDispatch>

export function createDispatch(rooms: {
  handle: Handle
  outlet: Outlet
  log: Log
  initialCredit: number
  most?: number
}) {
  const { handle, outlet, log, initialCredit, most = LIMITS.requestsInFlight } = rooms
  const gone = new AbortController()
  const inFlight = new Map<string, { cancel: AbortController; credit: Credit }>()

  /** Sends as credit allows. After a cancel what has no credit is dropped: the outcome shall not wait for it. */
  const output = async (id: string, credit: Credit, offset: number, data: Buffer): Promise<void> => {
    for (let at = 0; at < data.length; ) {
      const size = await credit.take(Math.min(LIMITS.chunk, data.length - at))
      if (size === 0) return
      await outlet.ready()
      if (gone.signal.aborted) return
      outlet.send({ chunk: { requestId: id, offset: offset + at, data: data.subarray(at, at + size) } })
      at += size
    }
  }

  const perform = async (request: LinkRequest, cancel: AbortController, credit: Credit): Promise<AgentFrame> => {
    try {
      const answer = await handle(request, {
        requestId: request.id,
        cancelled: cancel.signal,
        gone: gone.signal,
        output: (offset, data) => output(request.id, credit, offset, data),
      })
      return answerFrame(request.id, answer)
    } catch (error) {
      if (error instanceof CatalogueError) return failureFrame(request.id, error.code, { ...error.details })
      log.error({ request: request.id, method: request.method, error: String(error) }, 'a request failed')
      return failureFrame(request.id, 'INTERNAL_ERROR', {})
    }
  }

  return {
    async request({ id, method, body, startBefore }: Request__Output): Promise<void> {
      if (inFlight.has(id)) return // the answer under way answers both
      if (inFlight.size >= most) {
        outlet.send(failureFrame(id, 'RATE_LIMITED', { reason: 'requests_in_flight', limit: most, retry_after_s: 1 }))
        return
      }
      const cancel = new AbortController()
      const credit = createCredit(initialCredit, [cancel.signal, gone.signal])
      inFlight.set(id, { cancel, credit })
      const frame = await perform({ id, method, body: Buffer.from(body), startBefore }, cancel, credit)
      credit.close()
      inFlight.delete(id)
      if (!gone.signal.aborted) outlet.send(frame)
    },
    credit: (id: string, bytes: number): void => inFlight.get(id)?.credit.add(bytes),
    cancel: (id: string): void => inFlight.get(id)?.cancel.abort(),
    /** The stream is gone: what only reads ends, what acts goes on, nobody is answered. */
    end: (): void => gone.abort(),
    idle: (): boolean => inFlight.size === 0,
  }
}
