// Where a container engine listens, and whether it runs. Connecting to the socket of one that was stopped can start it
// (docker.socket), and a look starts nothing. Used by the lane; the daemon asks only whether there is a socket at all.
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'

const DOCKER = '/run/docker.sock'
const PODMAN = '/run/podman/podman.sock'
/** What the program of that name would ask, first found first asked. */
const SOCKETS: Readonly<Record<string, readonly string[]>> = { docker: [DOCKER, PODMAN], podman: [PODMAN] }
/** The service behind Podman's socket comes and goes with who asks. */
const STAYS = /^(?:dockerd|balena-engine-d|balenad)$/

/** Whether it is worth asking. Podman's own directory may be closed to whoever wants to know. */
export const hasEngine = (root = '/'): boolean => [DOCKER, dirname(PODMAN)].some((path) => existsSync(join(root, path)))

export type Found = { socket: string } | { missing: string }

export function findEngine(program: 'docker' | 'podman' = 'docker', root = '/'): Found {
  const socket = SOCKETS[program]?.find((path) => existsSync(join(root, path)))
  if (socket === undefined) return { missing: `There is no socket of ${program} on this server.` }
  const real = realpathSync(join(root, socket))
  if (real !== join(root, DOCKER) || runs(root)) return { socket: join(root, socket) }
  return { missing: 'Docker is installed and stopped on this server; a look does not start it.' }
}

/** Whether somebody who may see the processes of others (proc(5), hidepid) sees none of an engine. */
function runs(root: string): boolean {
  const names = readdirSync(join(root, 'proc')).filter((name) => /^\d+$/.test(name))
  const commands = names.map((pid) => commandOf(join(root, 'proc', pid, 'comm')))
  return !names.includes('1') || commands.some((command) => STAYS.test(command))
}

function commandOf(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return '' // it has ended
  }
}
