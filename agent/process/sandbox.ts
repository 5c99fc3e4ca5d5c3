// The read lane's containment where systemd does not make it: an unprivileged uid first, then bubblewrap (man 1 bwrap).
// The file system is the host's and read-only; /proc is the host's, so that `ps` sees what runs, in a pid namespace in
// which nothing of it can be signalled; the network is the host's, so that `ss` and `ip` tell the truth, and the system
// call filter leaves no socket to reach anything with. agent/decisions/0001-read-lane-without-systemd.md says why.
import { accessSync, constants, existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { openPipe, openScratchFile, openStatusFile, type StatusFile } from './scratch.ts'
import { seccompFilter } from './seccomp.ts'
import type { Program } from './spawn.ts'

const KIB = 1024
const MIB = 1024 * KIB
/** Of one run; man 2 setrlimit. `nproc` counts by uid and user namespace. */
const RLIMITS = { core: 0, fsize: 64 * MIB, nofile: 1024, data: 2048 * MIB, memlock: 64 * KIB, msgqueue: 0 }
const PROCESSES = 256
const SHARED_MEMORY = 64 * MIB

export type SandboxHost = { uid: number; arch: string; pid: number; uidMap: string }

export const thisHost = (): SandboxHost => ({
  uid: process.getuid?.() ?? 0,
  arch: process.arch,
  pid: process.pid,
  uidMap: readFileSync('/proc/self/uid_map', 'utf8'),
})

/** Ids that no account and no container range uses (systemd's table of uids), one for each living lane process. */
const UID_BASE = 1_900_000_000

/** The uid of a run: our own when we are nobody special; as root one of its own, or `nobody` where the map is small. */
export function sandboxUid({ uid, pid, uidMap }: SandboxHost): number | undefined {
  if (uid !== 0) return undefined
  const mapped = uidMap.split('\n').some((line) => {
    const [inside = 0, , count = 0] = line.trim().split(/\s+/).map(Number)
    return inside <= UID_BASE + pid && UID_BASE + pid < inside + count
  })
  return mapped ? UID_BASE + pid : 65_534
}

/** Whether that uid can get at a path at all. Where it cannot, permissions hide it, and bubblewrap cannot mount there. */
function reachable(path: string, dropped: boolean): boolean {
  try {
    if (!dropped) {
      accessSync(dirname(path), constants.X_OK)
      return true
    }
    for (let at = dirname(path); ; at = dirname(at)) {
      if ((statSync(at).mode & 0o001) === 0) return false
      if (at === '/') return true
    }
  } catch {
    return false
  }
}

/** Arguments that put nothing in place of each of these paths. What lies in a hidden directory is hidden with it. */
export function maskArguments(hidden: readonly string[], dropped: boolean): string[] {
  const real = hidden.filter((path) => existsSync(path)).map((path) => realpathSync(path))
  const outermost = [...new Set(real)].filter((path) => !real.some((other) => path.startsWith(`${other}/`)))
  return outermost
    .filter((path) => reachable(path, dropped))
    .flatMap((path) =>
      statSync(path).isDirectory() ? ['--tmpfs', path, '--remount-ro', path] : ['--ro-bind', '/dev/null', path],
    )
}

function dropTo(uid: number | undefined): string[] {
  if (uid === undefined) return []
  const id = String(uid)
  const caps = ['--inh-caps=-all', '--ambient-caps=-all', '--bounding-set=-all']
  return ['/usr/bin/setpriv', `--reuid=${id}`, `--regid=${id}`, '--clear-groups', '--no-new-privs', ...caps, '--']
}

function limits(uid: number | undefined, cpuSeconds: number): string[] {
  const values: Record<string, number> = {
    ...RLIMITS,
    cpu: cpuSeconds,
    ...(uid === undefined ? {} : { nproc: PROCESSES }),
  }
  return ['/usr/bin/prlimit', ...Object.entries(values).map(([name, value]) => `--${name}=${value}`), '--']
}

const NAMESPACES = ['--unshare-user', '--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try']
const TREE = [
  ...['--ro-bind', '/', '/', '--dev', '/dev'],
  ...['--size', String(SHARED_MEMORY), '--perms', '1777', '--tmpfs', '/dev/shm', '--remount-ro', '/dev'],
]

/** What a sandboxed run needs and can be made before its command is known. Used once. */
export type PreparedSandbox = {
  host: SandboxHost
  uid: number | undefined
  pipe: { read: number; write: number }
  filter: number
  status: StatusFile
}

export function prepareSandbox(host: SandboxHost = thisHost()): PreparedSandbox {
  const uid = sandboxUid(host)
  const filter = openScratchFile(seccompFilter(host.arch) ?? Buffer.alloc(0))
  return { host, uid, pipe: openPipe(uid), filter, status: openStatusFile() }
}

/** The program that runs `argv` contained. Its descriptor 3 is the filter, 4 the status. */
export function sandbox(
  { host, uid, pipe, filter, status }: PreparedSandbox,
  options: { argv: readonly string[]; hidden: readonly string[]; timeoutMs: number },
): Pick<Program, 'argv' | 'pipe' | 'inherit'> {
  const filtered = seccompFilter(host.arch) !== undefined
  const argv = [
    ...limits(uid, Math.ceil(options.timeoutMs / 1000) + 1),
    ...dropTo(uid),
    ...['/usr/bin/bwrap', '--cap-drop', 'ALL', ...NAMESPACES, ...(filtered ? [] : ['--unshare-net'])],
    ...['--die-with-parent', '--new-session', ...TREE, ...maskArguments(options.hidden, uid !== undefined)],
    ...(filtered ? ['--seccomp', '3'] : []),
    ...['--json-status-fd', '4', '--chdir', '/', '--'],
    // With our own uid the bound holds inside only: outside it would count all that this account runs.
    ...(uid === undefined ? ['/usr/bin/prlimit', `--nproc=${PROCESSES}`, '--'] : []),
    ...options.argv,
  ]
  return { argv, pipe, inherit: [filter, status.fd] }
}
