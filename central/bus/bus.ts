// How rooms reach what may live in another process: an agent's stream, or whoever waits for news. Only values that can be
// written down cross it, so that a network can stand in its place. Imported by fleet, relay, calls, plans and the doors.

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue }

/** `startBefore` is Unix ms. `outputFrom` is the offset of the first byte of output that the caller still lacks. */
export type AgentCall = {
  serverId: string
  id: string
  method: string
  body: Buffer
  startBefore: number
  outputFrom: number
}

/** `lost`: the stream went away before an answer came; what was called may still be going on. */
export type AgentAnswer =
  | { kind: 'body'; body: Buffer }
  | { kind: 'failure'; code: string; details: Record<string, unknown> }
  | { kind: 'lost' }

/** Its promise is the back-pressure: the agent gets new credit when it resolves. */
export type OnOutput = (offset: number, data: Buffer) => Promise<void>

export type CallHandler = (call: AgentCall, io: { onOutput: OnOutput; signal: AbortSignal }) => Promise<AgentAnswer>

export type Bus = {
  /**
   * The replica that holds the agent's stream serves its calls; the newest holder wins. Returns a function that stops.
   * `onAcknowledge` hears which outcomes Central has stored.
   */
  serve(serverId: string, handler: CallHandler, onAcknowledge?: (requestId: string) => void): () => void
  call(call: AgentCall, io: { onOutput?: OnOutput; signal: AbortSignal }): Promise<AgentAnswer | { kind: 'no_holder' }>
  /** Does nothing where nobody holds the stream: the agent offers the outcome again when it is back. */
  acknowledge(serverId: string, requestId: string): Promise<void>
  /** In order for one publisher and topic; a subscriber hears it after the publisher has gone on. */
  publish(topic: string, message: JsonValue): void
  subscribe(topic: string, handler: (message: JsonValue) => void): () => void
}

type Holder = { handler: CallHandler; onAcknowledge: ((requestId: string) => void) | undefined }

const ignoreOutput: OnOutput = async () => {}

/** The bus of a Central that is one process. A subscriber that throws is reported to `onFault`; the others still hear. */
export function createLocalBus(onFault: (fault: unknown, topic: string) => void = rethrow): Bus {
  const holders = new Map<string, Holder>()
  const topics = new Map<string, Set<(message: JsonValue) => void>>()

  function deliver(topic: string, text: string): void {
    for (const handler of [...(topics.get(topic) ?? [])]) {
      try {
        handler(JSON.parse(text))
      } catch (fault) {
        onFault(fault, topic)
      }
    }
  }

  return {
    serve(serverId, handler, onAcknowledge) {
      const holder = { handler, onAcknowledge }
      holders.set(serverId, holder)
      return () => {
        if (holders.get(serverId) === holder) holders.delete(serverId)
      }
    },
    async call(call, { onOutput = ignoreOutput, signal }) {
      const holder = holders.get(call.serverId)
      return holder ? holder.handler(call, { onOutput, signal }) : { kind: 'no_holder' }
    },
    async acknowledge(serverId, requestId) {
      holders.get(serverId)?.onAcknowledge?.(requestId)
    },
    publish(topic, message) {
      const text = JSON.stringify(message)
      if (topics.has(topic)) queueMicrotask(() => deliver(topic, text))
    },
    subscribe(topic, handler) {
      const handlers = topics.get(topic) ?? new Set()
      topics.set(topic, handlers.add(handler))
      return () => {
        handlers.delete(handler)
        if (handlers.size === 0 && topics.get(topic) === handlers) topics.delete(topic)
      }
    },
  }
}

function rethrow(fault: unknown): void {
  queueMicrotask(() => {
    throw fault
  })
}
