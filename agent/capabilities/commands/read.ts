// A line in the read lane. Where nothing contains that lane it is refused: such a host needs an approval for all.
import { CatalogueError } from '#proto/contract/errors.ts'
import { LIMITS } from '#proto/contract/limits.ts'
import type { Handlers } from '../handlers.ts'
import type { CapabilityRooms } from '../index.ts'
import { resultOf, timeoutOf } from '../results.ts'

function wrongLine(line: string): string | undefined {
  if (line === '') return 'empty'
  if (Buffer.byteLength(line) > LIMITS.commandLine) return 'too_long'
  return line.includes('\0') ? 'null_byte' : undefined
}

export const createRead =
  ({ lanes, contained }: CapabilityRooms): Handlers<'commands'>['read'] =>
  async ({ line, timeoutMs }, ctx) => {
    const wrong = wrongLine(line)
    if (wrong) throw new CatalogueError('VALIDATION_ERROR', { field: 'line', reason: wrong })
    if (!contained('read')) throw new CatalogueError('POLICY_DENIED', { reason: 'no_isolation' })
    const io = { signal: AbortSignal.any([ctx.cancelled, ctx.gone]), onOutput: ctx.output }
    return resultOf(await lanes.read({ id: ctx.requestId, line, timeoutMs: timeoutOf(timeoutMs) }, io))
  }
