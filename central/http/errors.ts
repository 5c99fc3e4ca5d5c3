// The error map: whatever was thrown, what an HTTP client is told.
import { CatalogueError, ERRORS, type ErrorCode, type ErrorDetails, wordsOf } from '#proto/contract/errors.ts'

export type ErrorBody = {
  code: ErrorCode
  message: string
  suggested_action: string
  request_id: string
  details?: ErrorDetails
}

export function errorBody(code: ErrorCode, requestId: string, details: ErrorDetails = {}): ErrorBody {
  const { description: message, action: suggested_action } = wordsOf(code, details)
  return {
    code,
    message,
    suggested_action,
    request_id: requestId,
    ...(Object.keys(details).length > 0 && { details }),
  }
}

type MaybeHttp = { statusCode?: unknown; message?: unknown } | undefined

/** HTTP status of an error that Fastify itself made (400, 413, 415, 429 …), if it is one. */
function clientStatus(error: unknown): number | undefined {
  const status = (error as MaybeHttp)?.statusCode
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined
}

export function bodyOf(error: unknown, requestId: string): ErrorBody {
  if (error === undefined) return errorBody('NOT_FOUND', requestId)
  if (error instanceof CatalogueError) return errorBody(error.code, requestId, error.details)
  const status = clientStatus(error)
  if (status === 429) return errorBody('RATE_LIMITED', requestId)
  if (status !== undefined)
    return errorBody('VALIDATION_ERROR', requestId, { why: String((error as MaybeHttp)?.message) })
  return errorBody('INTERNAL_ERROR', requestId)
}

export const statusOf = (error: unknown, code: ErrorCode): number => clientStatus(error) ?? ERRORS[code].http
