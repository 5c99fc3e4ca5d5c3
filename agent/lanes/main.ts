// A lane: a short-lived process of its own that answers one request, `node agent/lanes/main.ts <read|inspect|docker|act|probe|hide> --data
// DIR --config DIR`. It is started by the daemon, or by systemd (`--unit`) with the accepted socket as standard input and output.
import { writeSync } from 'node:fs'
import { closeInherited } from '../process/inherited.ts'
import { type Caller, connectCaller } from './caller.ts'
import type { dockerLane } from './docker-lane.ts'
import type { inspectLane } from './inspect-lane.ts'
import { type LaneSettings, laneSettings } from './settings.ts'
import type { ActRequest, LaneWords, Request, WhereRequest } from './words.ts'

type Lane = (caller: Caller, settings: LaneSettings) => Promise<Record<string, unknown> | LaneWords | undefined>

/** Loaded before the request comes, so that a waiting lane answers at once; each lane only what it needs. */
const LANES: Record<string, () => Promise<Lane>> = {
  read: async () => {
    const { prepareReadLane } = await import('./read-lane.ts')
    return async (caller, settings) => {
      const { asked, ...listening } = listen(caller)
      const readLane = await prepareReadLane(settings, asked)
      const request = await listening.request
      return request?.do === 'read' || request?.do === 'attack' ? await readLane(request, caller) : undefined
    }
  },
  inspect: async () => {
    const inspect = await import('./inspect-lane.ts')
    return async (caller, settings) => {
      const { asked, ...listening } = listen(caller)
      await inspect.prepareInspectLane(caller, settings, asked)
      const request = await listening.request
      return isInspect(request) ? await inspect.inspectLane(request, caller, settings) : undefined
    }
  },
  docker: async () => {
    const docker = await import('./docker-lane.ts')
    return async (caller, settings) => {
      const request = await caller.request()
      return isDocker(request) ? await docker.dockerLane(request, caller, settings) : undefined
    }
  },
  act: async () => {
    const [{ actLane, readLaw }, { createActStore }, { readTrust }] = await Promise.all([
      import('./act-lane.ts'),
      import('./act-store.ts'),
      import('./trust.ts'),
    ])
    return async (caller, settings) => {
      const request = await caller.request()
      if (!isAct(request)) return undefined
      const directory = settings.actDirectory
      const store = createActStore({ directory })
      if (request.do === 'where') {
        await readLaw({ settings, store })
        return { where: { unit: settings.unit ?? '', uid: process.getuid?.() ?? -1 } }
      }
      return await actLane(request, caller, { settings, store, trust: readTrust(directory), now: Date.now, step() {} })
    }
  },
  probe: async () => {
    const { probeLanes } = await import('./probe-lane.ts')
    return async (_caller, settings) => ({ facts: await probeLanes(settings) })
  },
}

/** What is prepared for a request costs one that is here already only time. */
function listen(caller: Caller): { request: ReturnType<Caller['request']>; asked(): boolean } {
  let here = false
  const request = caller.request().finally(() => {
    here = true
  })
  return { request, asked: () => here }
}

const isInspect = (request: Request | undefined): request is Parameters<typeof inspectLane>[0] =>
  request !== undefined && ['inspect', 'installation', 'files', 'reality', 'diagnose', 'attack'].includes(request.do)

const isDocker = (request: Request | undefined): request is Parameters<typeof dockerLane>[0] =>
  request !== undefined && ['docker', 'containers', 'where'].includes(request.do)

const isAct = (request: Request | undefined): request is ActRequest | WhereRequest =>
  request !== undefined && ['run', 'settle', 'forget', 'where'].includes(request.do)

/** No lane, and nobody's to call: prints what the units of the reading lanes must hide on this host. */
async function hide(settings: LaneSettings): Promise<void> {
  const [{ dropIn, hiddenHere }, { neededBy }] = await Promise.all([import('./hidden.ts'), import('./containment.ts')])
  writeSync(1, dropIn(await hiddenHere(settings.configDirectory, neededBy(settings))))
}

async function main(args: readonly string[]): Promise<void> {
  process.umask(0o022)
  closeInherited()
  process.on('SIGHUP', () => {}) // its terminal or its daemon has gone: that alone ends nothing
  const { lane, settings } = laneSettings(args)
  if (lane === 'hide') return await hide(settings)
  const serve = await LANES[lane]?.()
  if (!serve) throw new Error(`no such lane: ${lane}`)
  const caller = connectCaller()
  const answer = await serve(caller, settings)
  if (answer) await caller.say(answer)
  await caller.close()
}

await main(process.argv.slice(2))
process.exit(0)
