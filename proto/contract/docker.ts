// Questions about a host's containers and their answers, as JSON inside `docker.ask`. Asked by central/tools, answered in the
// docker lane; both ends parse what they are given. What a host says is redacted there, and untrusted here.
import { z } from 'zod'
import { LIMITS } from './limits.ts'
import { Change, Container, MOST } from './reality.ts'

/** An answer as JSON: well below LIMITS.message, whatever has to be escaped in it. */
export const DOCKER_ANSWER_MAX = LIMITS.message / 2
/** Of a container's log, in one answer. */
export const DOCKER_LOG_MAX = 256 * 1024

const name = z.string().min(1).max(300)

export const DockerQuestion = z.discriminatedUnion('do', [
  /** Every container, how it is, and what changed of late. */
  z.strictObject({ do: z.literal('containers') }),
  /** The last lines that a container has written, both streams as they came. */
  z.strictObject({ do: z.literal('logs'), container: name, lines: z.number().int().positive().max(10_000) }),
  z.strictObject({ do: z.literal('images') }),
  z.strictObject({ do: z.literal('image'), image: name }),
])
export type DockerQuestion = z.infer<typeof DockerQuestion>

const text = z.string()
const size = z.number().int().nonnegative()
const texts = z.array(text)
/** Unix ms. */
const time = z.number().int()

const Image = z.object({
  id: text,
  tags: texts,
  digests: texts,
  createdAt: time.optional(),
  size,
  /** Containers of it, running or not. */
  containers: texts,
})
export type Image = z.infer<typeof Image>

export const Containers = z.object({
  engine: z.object({ name: text, version: text }),
  containers: z.array(Container).max(MOST.containers),
  changes: z.array(Change).max(MOST.changes),
})
export type Containers = z.infer<typeof Containers>

const ANSWERS = {
  containers: Containers,
  /** `shortened`: the lines hold more bytes than an answer does; the last ones are given. */
  logs: z.object({ container: text, text, redactions: size, shortened: z.boolean() }),
  images: z.object({ images: z.array(Image), omitted: size }),
  image: Image.extend({
    platform: text,
    user: text,
    entrypoint: texts,
    command: texts,
    /** Values of secret-looking names are masked. */
    env: texts,
    ports: texts,
    labels: z.record(text, text),
    layers: size,
  }),
} satisfies Record<DockerQuestion['do'], z.ZodType>

export type DockerAnswers = { [Do in DockerQuestion['do']]: z.infer<(typeof ANSWERS)[Do]> }
export type DockerQuestionOf<Do extends DockerQuestion['do']> = Extract<DockerQuestion, { do: Do }>

/** @throws when the host says something else */
export const parseDockerAnswer = <Do extends DockerQuestion['do']>(asked: Do, json: string): DockerAnswers[Do] =>
  ANSWERS[asked].parse(JSON.parse(json)) as DockerAnswers[Do]
