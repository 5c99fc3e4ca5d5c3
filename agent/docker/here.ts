// All containers of this host in one call: for the diagnosis at the command line, which root starts and which has no lane.
import type { Containers } from '#proto/contract/docker.ts'
import { createClean } from './clean.ts'
import { readContainers } from './containers.ts'
import { createEngine } from './engine.ts'
import { findEngine } from './sockets.ts'

const ANSWER_MS = 2_000

/** undefined where no engine runs, or where it does not answer in time. */
export async function containersHere(hostKey: Buffer): Promise<Containers | undefined> {
  const found = findEngine()
  if ('missing' in found) return undefined
  const engine = createEngine(found.socket, AbortSignal.timeout(ANSWER_MS))
  return readContainers(engine, createClean(hostKey), Date.now()).catch(() => undefined)
}
