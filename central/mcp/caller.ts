// Who sends a request, carried from the HTTP hooks to the handlers in the SDK's own place for it. The token itself goes
// no further than the check: nothing below can pass it on.
import type { IncomingMessage } from 'node:http'
import type { AuthInfo, ServerContext } from '@modelcontextprotocol/server'
import type { Principal } from '../domain/principal.ts'

export type Caller = {
  principal: Principal
  /** An id for each call of this request: the request's own for the first, so that a batch stays apart in the audit log. */
  nextRequestId: () => string
}

type Identified = IncomingMessage & { auth?: AuthInfo }

export function identify(request: Identified, principal: Principal, requestId: string): void {
  let calls = 0
  const caller: Caller = { principal, nextRequestId: () => (++calls === 1 ? requestId : `${requestId}-${calls}`) }
  request.auth = {
    token: '',
    clientId: principal.clientId,
    scopes: [...principal.scopes],
    extra: { caller },
  }
}

const callerIn = (auth: AuthInfo | undefined): Caller => {
  const caller = auth?.extra?.caller as Caller | undefined
  if (!caller) throw new Error('a request reached MCP without having been authenticated')
  return caller
}

export const callerOf = (ctx: ServerContext): Caller => callerIn(ctx.http?.authInfo)
export const principalOf = (request: Identified): Principal => callerIn(request.auth).principal
