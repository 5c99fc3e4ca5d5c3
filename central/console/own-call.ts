// The console as a door to run-call: a person's own call, under their session's name.
import { CatalogueError } from '#proto/contract/errors.ts'
import { createId } from '../domain/ids.ts'
import { principalOf, type Visit } from './door.ts'
import type { ConsoleRooms } from './rooms.ts'

/** The tool's answer. Throws the CatalogueError that another client would be told. */
export async function call(
  { request, reply, session }: Visit,
  { runCall }: ConsoleRooms,
  tool: string,
  input: Readonly<Record<string, unknown>>,
): Promise<Readonly<Record<string, unknown>>> {
  const gone = new AbortController()
  const onClose = () => gone.abort()
  reply.raw.once('close', onClose)
  try {
    const result = await runCall({
      requestId: createId('request'),
      tool,
      arguments: input,
      principal: principalOf(session),
      signal: gone.signal,
      progress: () => request.log.debug({ tool }, 'call goes on'),
      canElicitUrl: false,
    })
    if (result.kind === 'error') throw new CatalogueError(result.code, result.details)
    if (result.kind === 'needs_person')
      throw new CatalogueError('TWO_FACTOR_REQUIRED', { why: result.message, url: result.url })
    return result.value
  } finally {
    reply.raw.off('close', onClose)
  }
}
