// The docker lane: a verb of the table answered as text, or a question about containers. Its unit has nothing but the
// engine's socket, and whoever may speak to that is root: what keeps it to looking is agent/docker/allowed.ts
// (agent/decisions/0009-docker-lane.md).
import { readFileSync } from 'node:fs'
import { DOCKER_ANSWER_MAX } from '#proto/contract/docker.ts'
import { CatalogueError } from '#proto/contract/errors.ts'
import { type Verb, verbOf } from '#proto/verbs/verb-of.ts'
import { createClean } from '../docker/clean.ts'
import { createEngine, EngineRefusal, NoEngine } from '../docker/engine.ts'
import { NotAllowed } from '../docker/guard.ts'
import { type Asking, answerDocker } from '../docker/questions.ts'
import { findEngine } from '../docker/sockets.ts'
import { printVerb } from '../docker/verbs.ts'
import { loadPolicy, refuseLane } from '../guard/policy.ts'
import type { Caller } from './caller.ts'
import { createOutput } from './output.ts'
import type { LaneSettings } from './settings.ts'
import {
  type DockerAnswer,
  type DockerQuestionRequest,
  type DockerRequest,
  emptyOutcome,
  type Outcome,
  type Refusal,
  type WhereRequest,
} from './words.ts'

const QUESTION_MS = 20_000
const NO_CAPABILITY = /^Cap(?:Prm|Eff|Amb):\s*0+$/gm

type Answer = { outcome: Outcome | DockerAnswer } | { refusal: Refusal } | { where: { unit: string; uid: number } }
type Lane = { caller: Caller; settings: LaneSettings }

export async function dockerLane(
  request: DockerRequest | DockerQuestionRequest | WhereRequest,
  caller: Caller,
  settings: LaneSettings,
): Promise<Answer> {
  if (settings.unit === undefined) throw new Error('the docker lane is a unit of systemd')
  if (request.do === 'where')
    return { where: { unit: hasNoPower() ? settings.unit : '', uid: process.getuid?.() ?? -1 } }
  const refusal = refuseLane(await loadPolicy(settings.configDirectory), 'docker')
  if (refusal) return { refusal }
  try {
    return {
      outcome: await (request.do === 'docker'
        ? run(request, { caller, settings })
        : ask(request, { caller, settings })),
    }
  } catch (error) {
    const refused = asRefusal(error)
    if (refused) return { refusal: refused }
    throw error
  }
}

/** No capability of its own; the kernel knows no more of what an engine would do for it. */
const hasNoPower = (): boolean => readFileSync('/proc/self/status', 'utf8').match(NO_CAPABILITY)?.length === 3

function askingWith(program: 'docker' | 'podman', signal: AbortSignal, { hostKey }: LaneSettings): Asking {
  const found = findEngine(program)
  if ('missing' in found) throw new CatalogueError('DOCKER_NOT_AVAILABLE', { why: found.missing })
  return { engine: createEngine(found.socket, signal), clean: createClean(hostKey), hostKey, now: Date.now() }
}

async function ask({ json }: DockerQuestionRequest, { caller, settings }: Lane): Promise<DockerAnswer> {
  const signal = AbortSignal.any([caller.cancelled, caller.gone, AbortSignal.timeout(QUESTION_MS)])
  const answer = JSON.stringify(await answerDocker(json, askingWith('docker', signal, settings)))
  if (Buffer.byteLength(answer) > DOCKER_ANSWER_MAX) throw new CatalogueError('OUTPUT_TOO_LARGE', {})
  return { json: answer }
}

/** What the daemon hands over is believed in nothing, not even in its shape. */
function verbIn(argv: unknown): Verb {
  const isText = (word: unknown): word is string => typeof word === 'string' && !word.includes('\0')
  const found = Array.isArray(argv) && argv.every(isText) ? verbOf(argv) : { refused: 'The words of a verb are text.' }
  const why = 'refused' in found ? found.refused : found.lane === 'docker' ? undefined : 'It is a verb of another lane.'
  if ('refused' in found || why !== undefined) throw new CatalogueError('POLICY_DENIED', { reason: 'not_a_verb', why })
  return found
}

async function run({ argv, timeoutMs }: DockerRequest, { caller, settings }: Lane): Promise<Outcome> {
  const verb = verbIn(argv)
  const late = AbortSignal.timeout(timeoutMs)
  const left = AbortSignal.any([caller.cancelled, caller.gone])
  const signal = AbortSignal.any([left, late])
  const asking = askingWith(verb.program === 'podman' ? 'podman' : 'docker', signal, settings)
  const output = createOutput({
    hostKey: settings.hostKey,
    take: async (offset, data) => {
      await caller.output(offset, data)
      return !caller.gone.aborted
    },
  })
  const startedAt = asking.now
  let exitCode = 0
  let state: Outcome['state'] = 'RUN_STATE_EXITED'
  try {
    for await (const part of printVerb(verb, asking)) await output.write(Buffer.from(part))
  } catch (error) {
    if (late.aborted) state = 'RUN_STATE_TIMED_OUT'
    else if (left.aborted) state = 'RUN_STATE_CANCELLED'
    else if (error instanceof EngineRefusal) {
      exitCode = 1
      await output.write(Buffer.from(`Error response from daemon: ${error.message}\n`))
    } else throw error
  }
  const totals = await output.end()
  const isolation = 'ISOLATION_SYSTEMD' as const
  return { ...emptyOutcome(state, ''), ...totals, exitCode, startedAt, durationMs: Date.now() - startedAt, isolation }
}

function asRefusal(error: unknown): Refusal | undefined {
  if (error instanceof CatalogueError) return { code: error.code, details: error.details }
  if (error instanceof NoEngine)
    return { code: 'DOCKER_NOT_AVAILABLE', details: { why: `The engine does not answer (${error.message}).` } }
  if (error instanceof NotAllowed) return { code: 'VALIDATION_ERROR', details: { why: error.message } }
  if (error instanceof EngineRefusal)
    return { code: 'VALIDATION_ERROR', details: { why: error.message, engine_status: error.status } }
  if (error instanceof Error && error.name === 'AbortError')
    return { code: 'TIMEOUT', details: { why: 'The engine did not answer in time.' } }
  return undefined
}
