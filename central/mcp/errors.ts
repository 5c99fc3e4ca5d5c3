// The two forms in which an error leaves /mcp: the envelope inside a tool's answer, and the JSON-RPC error around it
// where the request never became a call.
import { type ErrorCode, type ErrorDetails, wordsOf } from '#proto/contract/errors.ts'

/** What every client sees of an error. `retry_after_s` in whole seconds. */
export type Envelope = {
  code: ErrorCode
  message: string
  suggested_action: string
  request_id: string
  retry_after_s?: number
  details?: ErrorDetails
}

export function envelope(code: ErrorCode, details: ErrorDetails, requestId: string): Envelope {
  const { retry_after_s: wait, ...rest } = details
  const { description: message, action: suggested_action } = wordsOf(code, details)
  return {
    code,
    message,
    suggested_action,
    request_id: requestId,
    ...(typeof wait === 'number' && { retry_after_s: wait }),
    ...(Object.keys(rest).length > 0 && { details: rest }),
  }
}

/** JSON-RPC 2.0 section 5.1, and -32001 for a session that is not there, as the SDK's own transports say it. */
export const RPC = {
  parse: -32700,
  invalidRequest: -32600,
  invalidParams: -32602,
  internal: -32603,
  server: -32000,
  noSession: -32001,
} as const

export type RpcErrorBody = {
  jsonrpc: '2.0'
  id: string | number | null
  error: { code: number; message: string; data: Envelope }
}

export const rpcError = (id: string | number | null, code: number, data: Envelope, message = data.message) =>
  ({ jsonrpc: '2.0', id, error: { code, message, data } }) satisfies RpcErrorBody

/** The id to answer to: only a single request with a well-formed id has one. */
export function idOf(body: unknown): string | number | null {
  if (typeof body !== 'object' || body === null || !('id' in body)) return null
  return typeof body.id === 'string' || typeof body.id === 'number' ? body.id : null
}
