// What a 2025-generation session has sent lately, so that a client whose stream broke can ask for the rest of it
// (Last-Event-ID). Bounded: a client that comes back too late runs into a gap, as it would after a restart.
import { randomUUID } from 'node:crypto'
import type { EventStore, JSONRPCMessage } from '@modelcontextprotocol/server'

const MAX_EVENTS = 64
const MAX_BYTES = 256 * 1024

type Kept = { stream: string; message: JSONRPCMessage; size: number }

export function createEventStore(): EventStore {
  const kept = new Map<string, Kept>()
  let bytes = 0

  function trim(): void {
    for (const [id, { size }] of kept) {
      if (kept.size <= MAX_EVENTS && bytes <= MAX_BYTES) return
      kept.delete(id)
      bytes -= size
    }
  }

  return {
    async storeEvent(stream, message) {
      const id = randomUUID()
      const size = JSON.stringify(message).length
      kept.set(id, { stream, message, size })
      bytes += size
      trim()
      return id
    },
    async getStreamIdForEventId(id) {
      return kept.get(id)?.stream
    },
    async replayEventsAfter(lastId, { send }) {
      const stream = kept.get(lastId)?.stream
      if (stream === undefined) throw new Error('that event is no longer kept')
      const ids = [...kept.keys()]
      for (const id of ids.slice(ids.indexOf(lastId) + 1)) {
        const event = kept.get(id)
        // An empty message only tells the client where it stands.
        if (event?.stream === stream && Object.keys(event.message).length > 0) await send(id, event.message)
      }
      return stream
    },
  }
}
