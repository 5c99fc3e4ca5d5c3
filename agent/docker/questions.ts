// The questions of proto/contract/docker.ts, answered from an engine. What leaves here is redacted.

import {
  DOCKER_LOG_MAX,
  type DockerAnswers,
  DockerQuestion,
  type DockerQuestionOf,
  type Image,
} from '#proto/contract/docker.ts'
import { CatalogueError } from '#proto/contract/errors.ts'
import { createRedactor } from '#proto/redaction/redactor.ts'
import type { Clean } from './clean.ts'
import { nameOf, readContainers, timeOf } from './containers.ts'
import { type Engine, EngineRefusal } from './engine.ts'
import type { ListedImage } from './shapes.ts'
import { readLog } from './streams.ts'

export type Asking = { engine: Engine; clean: Clean; hostKey: Buffer; now: number }
type Answering = {
  [Do in DockerQuestion['do']]: (question: DockerQuestionOf<Do>, asking: Asking) => Promise<DockerAnswers[Do]>
}
const MOST_IMAGES = 500
const NAMES_SHOWN = 40
const NAME = /^[A-Za-z0-9][\w.-]*$/
const IMAGE = /^[A-Za-z0-9][\w.:@/-]*$/

const ANSWERING: Answering = {
  containers: (_question, { engine, clean, now }) => readContainers(engine, clean, now),
  logs: readLogs,
  images: async (_question, { engine, clean }) => {
    const [listed, used] = await Promise.all([engine.images(), usersOf(engine)])
    const images = listed.slice(0, MOST_IMAGES).map((each) => imageOf(each, used))
    return clean.whole({ images, omitted: listed.length - images.length }) as DockerAnswers['images']
  },
  image: async ({ image }, { engine, clean }) => {
    if (!IMAGE.test(image)) throw new CatalogueError('VALIDATION_ERROR', { field: 'image' })
    const [found, used] = await Promise.all([engine.image(image).catch(unknownImage(image)), usersOf(engine)])
    const { User: user = '', Entrypoint, Cmd, Env, ExposedPorts, Labels } = found.Config ?? {}
    const createdAt = timeOf(found.Created)
    return clean.whole({
      ...imageOf({ ...found, Created: 0 }, used),
      ...(createdAt !== undefined && { createdAt }),
      platform: `${found.Os}/${found.Architecture}`,
      user,
      entrypoint: Entrypoint ?? [],
      command: Cmd ?? [],
      env: Env ?? [],
      ports: ExposedPorts ?? [],
      labels: Labels ?? {},
      layers: found.RootFS.Layers.length,
    }) as DockerAnswers['image']
  },
}

/** @throws CatalogueError a refusal; what the engine threw otherwise */
export async function answerDocker(json: string, asking: Asking): Promise<unknown> {
  const question = parsed(json)
  return (ANSWERING[question.do] as (asked: DockerQuestion, asking: Asking) => Promise<unknown>)(question, asking)
}

function parsed(json: string): DockerQuestion {
  try {
    return DockerQuestion.parse(JSON.parse(json))
  } catch {
    throw new CatalogueError('VALIDATION_ERROR', { field: 'question' })
  }
}

async function readLogs({ container, lines }: DockerQuestionOf<'logs'>, { engine, hostKey }: Asking) {
  if (!NAME.test(container)) throw new CatalogueError('VALIDATION_ERROR', { field: 'container' })
  const about = await engine.container(container).catch(unknownContainer(engine, container))
  const stream = await engine.logs(about.Id, { tail: String(lines) })
  const redactor = createRedactor({ hostKey })
  let text: Buffer = Buffer.alloc(0)
  let shortened = false
  const keep = (more: Buffer): void => {
    text = Buffer.concat([text, more])
    if (text.length <= 2 * DOCKER_LOG_MAX) return
    shortened = true
    text = Buffer.from(text.subarray(-DOCKER_LOG_MAX))
  }
  for await (const { data } of readLog(stream as AsyncIterable<Buffer>, about.Config.Tty)) keep(redactor.push(data))
  keep(redactor.end())
  shortened ||= text.length > DOCKER_LOG_MAX
  const last = text.subarray(-DOCKER_LOG_MAX)
  return {
    container: about.Name.replace(/^\//, '') || container,
    text: (shortened ? last.subarray(last.indexOf(0x0a) + 1) : last).toString('utf8'),
    redactions: redactor.hits,
    shortened,
  }
}

/** Image id → names of its containers. */
async function usersOf(engine: Engine): Promise<ReadonlyMap<string, string[]>> {
  const listed = await engine.containers({ all: true })
  return new Map([...Map.groupBy(listed, ({ ImageID }) => ImageID)].map(([id, each]) => [id, each.map(nameOf)]))
}

const imageOf = (found: ListedImage, used: ReadonlyMap<string, string[]>): Image => ({
  id: found.Id,
  tags: found.RepoTags,
  digests: found.RepoDigests,
  ...(found.Created > 0 && { createdAt: found.Created * 1_000 }),
  size: Math.max(0, found.Size),
  containers: used.get(found.Id) ?? [],
})

const isUnknown = (error: unknown): boolean => error instanceof EngineRefusal && error.status === 404

const unknownContainer =
  (engine: Engine, container: string) =>
  async (error: unknown): Promise<never> => {
    if (!isUnknown(error)) throw error
    const names = (await engine.containers({ all: true })).map(nameOf).slice(0, NAMES_SHOWN)
    throw new CatalogueError('NOT_FOUND', { container, why: 'There is no such container.', containers: names })
  }

const unknownImage =
  (image: string) =>
  (error: unknown): never => {
    if (!isUnknown(error)) throw error
    throw new CatalogueError('NOT_FOUND', { image, why: 'There is no such image.' })
  }
