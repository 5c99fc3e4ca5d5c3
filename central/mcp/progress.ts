import type { ServerContext } from '@modelcontextprotocol/server'
import type { Clock } from '../domain/clock.ts'

/** At most one notification a second; clients count some of them against their own limits. */
const INTERVAL = 1000

/** Sends a call's progress to a client that asked for it. The number only ever grows; what comes too fast is dropped. */
export function createProgress(ctx: ServerContext, clock: Clock): (message: string) => void {
  const progressToken = ctx.mcpReq._meta?.progressToken
  if (progressToken === undefined) return () => {}
  let progress = 0
  let last = Number.NEGATIVE_INFINITY
  return (message) => {
    if (clock.now() - last < INTERVAL) return
    last = clock.now()
    const params = { progressToken, progress: ++progress, message }
    // The client may be gone already, which the call learns by its signal.
    ctx.mcpReq.notify({ method: 'notifications/progress', params }).catch(() => {})
  }
}
