// A granted command in the act lane. The lane checks the grant itself; here the bytes are only passed on.
import { CatalogueError } from '#proto/contract/errors.ts'
import type { Granted__Output } from '#proto/gen/mttrly/agent/v1/Granted.ts'
import type { Answer, Lanes } from '../../lanes/lanes.ts'
import type { Outcome, SignedWords } from '../../lanes/words.ts'
import type { CapabilityContext, GrantedHandler } from '../handlers.ts'

/** A lane that settles does nothing but look, so it may be asked again when it is lost. */
const ATTEMPTS = 3

const words = ({ grant, signature, outputFrom }: Granted__Output): SignedWords => ({
  grant: grant.toString('base64'),
  signature: signature.toString('base64'),
  outputFrom,
})

function outcomeOf(answer: Exclude<Answer, { kind: 'lost' }>): Outcome {
  if (answer.kind === 'refusal') throw new CatalogueError(answer.refusal.code, answer.refusal.details)
  return answer.outcome
}

async function settle(lanes: Lanes, request: Granted__Output, ctx: CapabilityContext): Promise<Outcome> {
  let next = request.outputFrom
  const io = {
    signal: ctx.cancelled,
    gone: ctx.gone,
    onOutput: async (offset: number, data: Buffer) => {
      await ctx.output(offset, data)
      next = offset + data.length
    },
  }
  for (let attempt = 1; attempt <= ATTEMPTS && !ctx.gone.aborted; attempt += 1) {
    const answer = await lanes.act('settle', { ...words(request), outputFrom: next }, io)
    if (answer.kind !== 'lost') return outcomeOf(answer)
  }
  throw new Error('the outcome could not be found out') // not a refusal: it may have run
}

export const createAct = ({ lanes }: { lanes: Lanes }): GrantedHandler<'commands.act'> => ({
  identity: ({ grant, signature }) => `${grant.toString('base64')}.${signature.toString('base64')}`,
  async run(request, ctx) {
    let next = request.outputFrom
    const onOutput = async (offset: number, data: Buffer): Promise<void> => {
      await ctx.output(offset, data)
      next = offset + data.length
    }
    const answer = await lanes.act('run', words(request), { signal: ctx.cancelled, onOutput, onTaken: ctx.onTaken })
    return answer.kind === 'lost'
      ? settle(lanes, { ...request, outputFrom: next }, { ...ctx, gone: NEVER })
      : outcomeOf(answer)
  },
  settle: (request, ctx) => settle(lanes, request, ctx),
  forget: (requests) => lanes.forget(requests.map(({ grant }) => grant.toString('base64'))),
})

const NEVER = new AbortController().signal
