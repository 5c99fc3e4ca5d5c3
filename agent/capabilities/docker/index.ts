// What a container engine says, in the docker lane. Where there is no such lane it is refused: the same needs an approval there.
import { CatalogueError } from '#proto/contract/errors.ts'
import { LIMITS } from '#proto/contract/limits.ts'
import type { Answer, LaneIo } from '../../lanes/lanes.ts'
import type { CapabilityContext, Handlers } from '../handlers.ts'
import type { CapabilityRooms } from '../index.ts'
import { resultOf, timeoutOf } from '../results.ts'

const NO_LANE = 'This host has no docker lane that answers; its own doctor says more.'

export function createDocker({ lanes, contained }: CapabilityRooms) {
  const inLane = async <Result>(
    ctx: CapabilityContext,
    ask: (io: LaneIo) => Promise<Answer<Result>>,
  ): Promise<Result> => {
    if (!contained('docker')) throw new CatalogueError('POLICY_DENIED', { reason: 'no_isolation', why: NO_LANE })
    return resultOf(await ask({ signal: AbortSignal.any([ctx.cancelled, ctx.gone]), onOutput: ctx.output }))
  }
  return {
    run: async ({ argv, timeoutMs }, ctx) => {
      if (Buffer.byteLength(argv.join(' ')) > LIMITS.commandLine)
        throw new CatalogueError('VALIDATION_ERROR', { field: 'argv', reason: 'too_long' })
      return inLane(ctx, (io) => lanes.docker({ id: ctx.requestId, argv, timeoutMs: timeoutOf(timeoutMs) }, io))
    },
    ask: ({ json }, ctx) => inLane(ctx, (io) => lanes.containers(json, io)),
  } satisfies Handlers<'docker'>
}
