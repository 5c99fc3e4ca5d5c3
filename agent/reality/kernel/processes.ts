// Every process with its cgroup and program, from /proc: no program is started for it.
import { basename, join } from 'node:path'
import type { Container, Owner, ProcessGroup } from '#proto/contract/reality.ts'
import { cgroupOf, parseStat } from '../../process/process-table.ts'
import type { Host } from '../host.ts'

export type Process = {
  pid: number
  parent: number
  name: string
  state: string
  uid: number
  user: string
  memory: number
  threads: number
  cpuMs: number
  since: number
  argv: string[]
  /** Where its program lies, as it sees it itself, else as its command line says; '' when neither tells. */
  exe: string
  replaced: boolean
  cgroup: string
  owner: Owner
}

const MOST_PROCESSES = 8_192
const COMMAND_MAX = 8_192
const PATH = ['/usr/local/bin', '/usr/bin', '/usr/sbin', '/usr/local/sbin']
/** USER_HZ: what /proc counts in on every architecture that Linux has a distribution for. */
const TICKS = 100
const SHOWN_PER_GROUP = 16

export type Clock = { bootedAt: number }

/** man 5 proc: utime and stime are the 14th and 15th field. */
export function parseCpuMs(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return ((Number(fields[11]) || 0) + (Number(fields[12]) || 0)) * (1000 / TICKS)
}

const STATUS = { uid: /^Uid:\s+(\d+)/m, memory: /^VmRSS:\s+(\d+)/m, threads: /^Threads:\s+(\d+)/m }

export function parseStatus(text: string): { uid: number; memory: number; threads: number } {
  const field = (pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? 0)
  return { uid: field(STATUS.uid), memory: field(STATUS.memory) * 1024, threads: field(STATUS.threads) }
}

/** A program may write what it likes over its arguments, as nginx and PostgreSQL do: then it is one text. */
export const parseArguments = (text: string): string[] =>
  text.replace(/[\0 ]+$/, '') === '' ? [] : text.replace(/\0+$/, '').split('\0')

export function parsePasswd(text: string): Map<number, { name: string; home: string }> {
  const users = new Map<number, { name: string; home: string }>()
  for (const line of text.split('\n')) {
    const [name = '', , uid = '', , , home = ''] = line.split(':')
    if (/^\d+$/.test(uid) && !users.has(Number(uid))) users.set(Number(uid), { name, home })
  }
  return users
}

const CONTAINER =
  /(?:^|\/)(?:docker|libpod|crio|cri-containerd|buildkit)[-/](?:conmon-)?([0-9a-f]{64})(?:\.scope)?|\/kubepods[^/]*\/(?:.*\/)?(?:cri-containerd-|crio-|docker-)?([0-9a-f]{64})/
const OWNERS: readonly (readonly [RegExp, Owner['kind']])[] = [
  [/\/lxc(?:\.payload)?[./]([^/]+)/, 'machine'],
  [/\/machine\.slice\/(?:systemd-nspawn@|machine-)([^/]+)\.(?:service|scope)/, 'machine'],
  [/\/user@\d+\.service\/(?:[^/]+\.slice\/)*([^/]+\.service)/, 'user-unit'],
  [/\/(session-[^/]+\.scope)/, 'session'],
  [/\/([^/]+\.service)/, 'unit'],
  [/\/([^/]+\.scope)/, 'unit'],
  [/^\/openrc\.([^/]+)/, 'unit'],
  [/\/([^/]+\.(?:socket|mount|swap))$/, 'unit'],
  [/^\/(init\.scope)$/, 'unit'],
]

/** The unit, container or session of a cgroup path, as systemd and the container engines name them. */
export function ownerOf(cgroup: string): Owner {
  const container = CONTAINER.exec(cgroup)
  if (container) return { kind: 'container', name: (container[1] ?? container[2] ?? '').slice(0, 12) }
  for (const [pattern, kind] of OWNERS) {
    const name = pattern.exec(cgroup)?.[1]
    if (name !== undefined) return { kind, name: name.slice(0, 256) }
  }
  return { kind: 'none', name: '' }
}

const named = (owner: Owner, names: ReadonlyMap<string, string>): Owner =>
  owner.kind === 'container' ? { ...owner, name: names.get(owner.name) ?? owner.name } : owner

/** The program that a command line names: for whoever may not look at the program itself. */
function namedProgram(host: Host, argv: readonly string[]): string {
  const word = argv[0]?.split(' ')[0] ?? ''
  if (!/^[\w./+-]+$/.test(word) || word.endsWith('/')) return ''
  const places = word.startsWith('/')
    ? [word]
    : word.includes('/')
      ? []
      : PATH.map((directory) => join(directory, word))
  return places.find(host.exists) ?? ''
}

/** The name of its program; a thread of Node may call itself something else. */
export const programOf = ({ exe, name }: Process): string => basename(exe) || name

/** `containers`: what the engine calls those that the kernel knows by their ids. */
export function readProcesses(host: Host, { bootedAt }: Clock, containers: readonly Container[] = []): Process[] {
  const names = new Map(containers.map(({ id, name }) => [id, name]))
  const users = parsePasswd(host.text('/etc/passwd'))
  const owners = new Map<string, Owner>()
  const ownerOnce = (cgroup: string): Owner => {
    const owner = owners.get(cgroup) ?? named(ownerOf(cgroup), names)
    owners.set(cgroup, owner)
    return owner
  }
  const read = (pid: string): Process[] => {
    const stat = host.kernel(`/proc/${pid}/stat`)
    const entry = parseStat(stat)
    if (!entry) return [] // it has ended meanwhile
    const { uid, memory, threads } = parseStatus(host.kernel(`/proc/${pid}/status`))
    const kernel = entry.pid === 2 || entry.parent === 2
    const argv = kernel ? [] : parseArguments(host.text(`/proc/${pid}/cmdline`, COMMAND_MAX))
    const exe = kernel ? '' : host.link(`/proc/${pid}/exe`) || namedProgram(host, argv)
    const cgroup = (kernel ? undefined : cgroupOf(entry.pid, host.at('/proc'))) ?? ''
    return [
      {
        pid: entry.pid,
        parent: entry.parent,
        name: entry.command,
        state: entry.state,
        uid,
        user: users.get(uid)?.name ?? String(uid),
        memory,
        threads,
        cpuMs: parseCpuMs(stat),
        since: Math.round(bootedAt + entry.startTime * (1000 / TICKS)),
        argv,
        exe: exe.replace(/ \(deleted\)$/, ''),
        replaced: exe.endsWith(' (deleted)'),
        cgroup,
        owner: kernel ? { kind: 'kernel', name: '' } : ownerOnce(cgroup),
      },
    ]
  }
  return host
    .list('/proc')
    .filter((name) => /^\d+$/.test(name))
    .slice(0, MOST_PROCESSES)
    .flatMap(read)
}

/** Groups in which something of the user's space runs, the largest first. */
export function groupProcesses(processes: readonly Process[]): ProcessGroup[] {
  const groups = Map.groupBy(
    processes.filter(({ owner }) => owner.kind !== 'kernel'),
    ({ cgroup }) => cgroup,
  )
  const sum = (members: readonly Process[], of: 'memory' | 'cpuMs'): number =>
    Math.round(members.reduce((total, each) => total + each[of], 0))
  return [...groups]
    .map(([cgroup, members]) => ({
      owner: members[0]?.owner ?? ownerOf(cgroup),
      cgroup,
      count: members.length,
      memory: sum(members, 'memory'),
      cpuMs: sum(members, 'cpuMs'),
      processes: members
        .toSorted((a, b) => b.memory - a.memory)
        .slice(0, SHOWN_PER_GROUP)
        .map((each) => ({
          pid: each.pid,
          name: programOf(each),
          command: each.argv.join(' ') || `[${each.name}]`,
          user: each.user,
          state: each.state,
          memory: each.memory,
          threads: each.threads,
          cpuMs: Math.round(each.cpuMs),
          since: each.since,
          replaced: each.replaced,
        })),
    }))
    .sort((a, b) => b.memory - a.memory)
}
