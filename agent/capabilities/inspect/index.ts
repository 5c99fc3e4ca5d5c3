// Fixed verbs, the look at our own installation, questions about files, the snapshot of the host and its diagnosis, in the inspect
// lane. Where there is no such lane, or nothing contains it, they are refused: the same needs an approval there.
import { CatalogueError } from '#proto/contract/errors.ts'
import { LIMITS } from '#proto/contract/limits.ts'
import type { Answer } from '../../lanes/lanes.ts'
import { containersHere } from '../docker/containers.ts'
import type { CapabilityContext, Handlers } from '../handlers.ts'
import type { CapabilityRooms } from '../index.ts'
import { resultOf, timeoutOf } from '../results.ts'

const UNCONTAINED = 'Nothing on this host was found to contain what looks closer; its own doctor says more.'

const tooLong = (argv: readonly string[]): boolean => Buffer.byteLength(argv.join(' ')) > LIMITS.commandLine

export function createInspect(rooms: CapabilityRooms) {
  const { lanes, contained } = rooms
  const inLane = async <Result>(
    ctx: CapabilityContext,
    ask: (io: Parameters<typeof lanes.installation>[0]) => Promise<Answer<Result>>,
  ): Promise<Result> => {
    if (!contained('inspect')) throw new CatalogueError('POLICY_DENIED', { reason: 'no_isolation', why: UNCONTAINED })
    return resultOf(await ask({ signal: AbortSignal.any([ctx.cancelled, ctx.gone]), onOutput: ctx.output }))
  }
  return {
    run: async ({ argv, timeoutMs }, ctx) => {
      if (tooLong(argv)) throw new CatalogueError('VALIDATION_ERROR', { field: 'argv', reason: 'too_long' })
      return inLane(ctx, (io) => lanes.inspect({ id: ctx.requestId, argv, timeoutMs: timeoutOf(timeoutMs) }, io))
    },
    installation: (_question, ctx) => inLane(ctx, lanes.installation),
    files: ({ json }, ctx) => inLane(ctx, (io) => lanes.files(json, io)),
    reality: (_question, ctx) => inLane(ctx, async (io) => lanes.reality(await containersHere(rooms, io), io)),
    diagnose: ({ json }, ctx) => inLane(ctx, async (io) => lanes.diagnose(json, await containersHere(rooms, io), io)),
  } satisfies Handlers<'inspect'>
}
