// A container engine as this room asks it: through dockerode, behind the guard, each answer looked at before it is used.
import type { Readable } from 'node:stream'
import Docker from 'dockerode'
import { z } from 'zod'
import { createGuard } from './guard.ts'
import * as shapes from './shapes.ts'

/** The engine said no: there is no such container, or it does not know that. */
export class EngineRefusal extends Error {
  override name = 'EngineRefusal'
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}
/** Nobody answers. */
export class NoEngine extends Error {
  override name = 'NoEngine'
}

const NOBODY = new Set(['ENOENT', 'ECONNREFUSED', 'EACCES', 'EPERM', 'ENOTSOCK'])
const MOST_EVENTS = 4 * 1024 * 1024

export type Filters = Readonly<Record<string, readonly string[]>>
export type LogOptions = {
  tail: string
  timestamps?: boolean
  details?: boolean
  since?: string
  until?: string
}
export type Engine = ReturnType<typeof createEngine>

export function createEngine(socketPath: string, signal: AbortSignal) {
  const docker = new Docker({ protocol: 'http', host: undefined, socketPath, agent: createGuard(socketPath) })
  // dockerode takes the signal out of what it is handed.
  const query = (from: Record<string, unknown> = {}) => ({ ...from, abortSignal: signal })
  const read = async <T>(shape: z.ZodType<T>, answer: Promise<unknown>): Promise<T> =>
    shape.parse(known(await answer.catch(refuse)))
  const filtered = (filters: Filters) => (Object.keys(filters).length === 0 ? {} : { filters })

  return {
    version: () => read(shapes.Version, docker.version(query())),
    info: () => read(z.record(z.string(), z.unknown()), docker.info(query())),
    usage: () => read(z.record(z.string(), z.unknown()), docker.df(query())),
    containers: ({ filters = {}, ...options }: { all?: boolean; limit?: number; size?: boolean; filters?: Filters }) =>
      read(z.array(shapes.Listed), docker.listContainers(query({ ...options, ...filtered(filters) }))),
    images: ({ all = false, filters = {} }: { all?: boolean; filters?: Filters } = {}) =>
      read(z.array(shapes.ListedImage), docker.listImages(query({ all, ...filtered(filters) }))),
    networks: (filters: Filters = {}) => read(z.array(shapes.Network), docker.listNetworks(query(filtered(filters)))),
    volumes: (filters: Filters = {}) => read(shapes.Volumes, docker.listVolumes(query(filtered(filters)))),
    /** All that the engine says of one thing. */
    whole: (kind: 'container' | 'image' | 'network' | 'volume', name: string) => {
      const thing = {
        container: 'getContainer',
        image: 'getImage',
        network: 'getNetwork',
        volume: 'getVolume',
      } as const
      return read(z.record(z.string(), z.unknown()), docker[thing[kind]](name).inspect(query()))
    },
    container: (id: string) => read(shapes.Inspected, docker.getContainer(id).inspect(query())),
    image: (name: string) => read(shapes.InspectedImage, docker.getImage(name).inspect(query())),
    history: (name: string) => read(shapes.History, docker.getImage(name).history()),
    top: (id: string) => read(shapes.Top, docker.getContainer(id).top(query())),
    changes: (id: string) => read(shapes.Changed, docker.getContainer(id).changes(query())),
    stats: (id: string) => read(shapes.Stats, docker.getContainer(id).stats(query({ stream: false }))),
    /** Between two moments, Unix seconds. */
    async events(since: number, until: number, filters: Filters): Promise<shapes.Event[]> {
      const stream = (await docker.getEvents(query({ since, until, filters })).catch(refuse)) as Readable
      return parseEvents(await upTo(stream, MOST_EVENTS))
    },
    /** As it comes over the wire (streams.ts). dockerode itself would hold all of it in memory. */
    logs: (id: string, options: LogOptions): Promise<Readable> =>
      new Promise((resolve, reject) => {
        const path = `/containers/${id}/logs?`
        const asked = { stdout: true, stderr: true, ...options }
        const done = (error: Error | null, answer: unknown): void =>
          error ? reject(refusal(error)) : resolve(answer as Readable)
        const statusCodes = { 200: true, 404: 'no such container' } as const
        docker.modem.dial(
          { path, method: 'GET', isStream: true, abortSignal: signal, statusCodes, options: asked },
          done,
        )
      }),
  }
}

/** What is no JSON comes as bytes: `null`, for a list that is empty. */
const known = (answer: unknown): unknown => (Buffer.isBuffer(answer) ? null : answer)

const refuse = (error: Error): never => {
  throw refusal(error)
}

/** dockerode's errors hold the status and what the engine said. */
function refusal(error: Error): Error {
  const { statusCode, json, code } = error as Error & { statusCode?: number; json?: unknown; code?: string }
  if (code !== undefined && NOBODY.has(code)) return new NoEngine(code, { cause: error })
  if (statusCode === undefined) return error
  const said = z.object({ message: z.string() }).safeParse(json)
  return new EngineRefusal(statusCode, said.success ? said.data.message : 'the engine refused')
}

async function upTo(stream: Readable, most: number): Promise<string> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of stream as AsyncIterable<Buffer>) {
    parts.push(part)
    size += part.length
    if (size > most) break
  }
  return Buffer.concat(parts).toString('utf8')
}

const parseEvents = (text: string): shapes.Event[] =>
  text.split('\n').flatMap((line) => {
    try {
      return [shapes.Event.parse(JSON.parse(line))]
    } catch {
      return [] // an empty line, or one that was cut
    }
  })
