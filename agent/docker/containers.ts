// Every container of an engine as reality tells of it: state, health, restarts, ports, compose project; and what of them is
// new. Whoever asks for a snapshot hands it in there.
import type { Containers } from '#proto/contract/docker.ts'
import { type Change, type Container, MOST } from '#proto/contract/reality.ts'
import type { Clean } from './clean.ts'
import { type Engine, EngineRefusal } from './engine.ts'
import { judgeContainer } from './health.ts'
import type { Event, Inspected, Listed } from './shapes.ts'

const HOUR_S = 3_600
const WINDOW_MS = 14 * 86_400_000
/** Asked of the engine at once. */
const AT_ONCE = 8
const ID = 12

export const nameOf = ({ Id, Names }: Pick<Listed, 'Id' | 'Names'>): string =>
  Names[0]?.replace(/^\//, '') || Id.slice(0, ID)
export const shortId = (id: string): string => id.replace(/^sha256:/, '').slice(0, ID)

/** As `docker ps` prints it; a port that is not published has no address. */
export const portsOf = ({ Ports }: Pick<Listed, 'Ports'>): string[] => [
  ...new Set(
    Ports.map(({ IP, PrivatePort, PublicPort, Type }) =>
      PublicPort === undefined
        ? `${PrivatePort}/${Type}`
        : `${IP?.includes(':') ? `[${IP}]` : (IP ?? '0.0.0.0')}:${PublicPort}->${PrivatePort}/${Type}`,
    ),
  ),
]

/** Unix ms; the engine writes the year 1 where something never was. */
export const timeOf = (text: string): number | undefined => {
  const at = Date.parse(text)
  return Number.isNaN(at) || at <= 0 ? undefined : at
}

export async function readContainers(engine: Engine, clean: Clean, now: number): Promise<Containers> {
  const seconds = Math.floor(now / 1_000)
  const [version, listed, events] = await Promise.all([
    engine.version(),
    engine.containers({ all: true }),
    engine.events(seconds - HOUR_S, seconds, { type: ['container'], event: ['die', 'died'] }).catch(none),
  ])
  const deaths = countDeaths(events)
  const containers = await inParts(listed.slice(0, MOST.containers), async (each) => {
    const found = await engine.container(each.Id).catch(gone)
    return found ? [containerOf(each, found, deaths.get(each.Id) ?? 0, now)] : []
  })
  const digests = await digestsOf(engine)
  const all = containers.flat().map((each) => ({ ...each, ...digestOf(digests, each) }))
  return clean.whole({
    engine: {
      name: 'Podman' in version || /podman/i.test(JSON.stringify(version)) ? 'podman' : 'docker',
      version: version.Version,
    },
    containers: all.map(({ imageId: _imageId, ...each }) => each),
    changes: changesOf(listed, all, now),
  }) as Containers
}

type Told = Container & { imageId: string }

function containerOf(listed: Listed, found: Inspected, deaths: number, now: number): Told {
  const { State: state, HostConfig: limits, Config: config } = found
  const labels = config.Labels
  const project = labels['com.docker.compose.project'] ?? labels['io.podman.compose.project']
  const service = labels['com.docker.compose.service']
  const ended = state.Status === 'running' ? undefined : timeOf(state.FinishedAt)
  const since = state.Status === 'running' ? timeOf(state.StartedAt) : ended
  const { state: health, why } = judgeContainer(found, deaths)
  const evidence = { source: `docker inspect ${nameOf(listed)}`, at: now }
  return {
    id: listed.Id.slice(0, ID),
    name: nameOf(listed),
    image: config.Image || listed.Image,
    imageId: found.Image,
    state: state.Status,
    restarts: Math.max(0, found.RestartCount),
    ...(since !== undefined && { since }),
    ports: portsOf(listed).slice(0, 100),
    ...(project && { project }),
    ...(service && { service }),
    ...(state.Status !== 'running' && state.Status !== 'created' && { exitCode: state.ExitCode }),
    ...(ended !== undefined && { finishedAt: ended }),
    ...(state.OOMKilled && { oomKilled: true }),
    ...(limits.Memory > 0 && { memoryLimit: limits.Memory }),
    ...(limits.RestartPolicy?.Name && { restartPolicy: limits.RestartPolicy.Name }),
    ...(deaths > 0 && { deaths }),
    health: { state: health, why, evidence },
  }
}

/** Image id → what its registry calls its content; its own id where it never was in one. */
async function digestsOf(engine: Engine): Promise<Map<string, string>> {
  const images = await engine.images({ all: true }).catch(none)
  return new Map(images.map(({ Id, RepoDigests }) => [Id, RepoDigests[0]?.split('@')[1] ?? Id]))
}
const digestOf = (digests: ReadonlyMap<string, string>, { imageId }: Told): { imageDigest?: string } => {
  const imageDigest = digests.get(imageId) ?? imageId
  return imageDigest === '' ? {} : { imageDigest }
}

/** A container is made anew when its image or its settings are. */
const changesOf = (listed: readonly Listed[], told: readonly Told[], now: number): Change[] =>
  listed
    .flatMap((each): Change[] => {
      const container = told.find(({ id }) => each.Id.startsWith(id))
      const at = each.Created * 1_000
      if (!container || at < now - WINDOW_MS || at > now + 60_000) return []
      const { name, image, imageId } = container
      const source = `docker inspect ${name}`
      return [{ kind: 'image', subject: name, to: `${image} (${shortId(imageId)})`, at, source }]
    })
    .sort((a, b) => b.at - a.at)
    .slice(0, MOST.changes)

function countDeaths(events: readonly Event[]): Map<string, number> {
  const deaths = new Map<string, number>()
  for (const { Actor } of events) deaths.set(Actor.ID, (deaths.get(Actor.ID) ?? 0) + 1)
  return deaths
}

async function inParts<From, To>(list: readonly From[], work: (each: From) => Promise<To>): Promise<To[]> {
  const done: To[] = []
  for (let at = 0; at < list.length; at += AT_ONCE)
    done.push(...(await Promise.all(list.slice(at, at + AT_ONCE).map(work))))
  return done
}

const none = (): never[] => []
/** It ended and was removed while we looked. */
function gone(error: unknown): undefined {
  if (error instanceof EngineRefusal && error.status === 404) return undefined
  throw error
}
