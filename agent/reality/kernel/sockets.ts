// Listening sockets and whose they are: /proc/net gives the inodes, /proc/<pid>/fd who holds them. Where descriptors of others
// may not be looked at, the cgroup in which a socket was made tells, or its user when one service alone runs as that.

import type { Container, Listener } from '#proto/contract/reality.ts'
import { COMMANDS, type Host } from '../host.ts'
import { type Process, programOf } from './processes.ts'

export type Socket = { protocol: Listener['protocol']; address: string; port?: number; inode: string; uid?: number }

const TABLE_MAX = 1024 * 1024
const FDS_MAX = 4_096
const LISTEN = '0A'
const UNCONNECTED = '07'

/** The kernel prints the words of an address as the processor holds them: the bytes of each are in reverse (proc(5)). */
export function parseAddress(hex: string): string {
  const bytes = Buffer.from(hex.replace(/(..)(..)(..)(..)/g, '$4$3$2$1'), 'hex')
  if (bytes.length === 4) return bytes.join('.')
  const groups = Array.from({ length: 8 }, (_, i) => (bytes.length === 16 ? bytes.readUInt16BE(i * 2) : 0))
  if (groups.slice(0, 5).every((each) => each === 0) && groups[5] === 0xffff) return bytes.subarray(12).join('.')
  return shorten(groups.map((each) => each.toString(16)))
}

/** RFC 5952: the longest row of two or more zeros becomes `::`. */
function shorten(groups: readonly string[]): string {
  const rows = [
    ...groups
      .map((each) => (each === '0' ? '0' : 'x'))
      .join('')
      .matchAll(/0{2,}/g),
  ]
  const longest = rows.toSorted((a, b) => b[0].length - a[0].length || a.index - b.index)[0]
  if (!longest) return groups.join(':')
  return `${groups.slice(0, longest.index).join(':')}::${groups.slice(longest.index + longest[0].length).join(':')}`
}

/** /proc/net/{tcp,tcp6,udp,udp6}: sockets that wait for somebody. Those that listen come first in the table of tcp. */
export function parseInetSockets(text: string, protocol: 'tcp' | 'udp', ephemeral: [number, number]): Socket[] {
  const waiting = protocol === 'tcp' ? LISTEN : UNCONNECTED
  return text.split('\n').flatMap((line) => {
    const [, local = '', remote = '', state, , , , uid, , inode = ''] = line.trim().split(/\s+/)
    const [address = '', port = ''] = local.split(':')
    if (state !== waiting || !/^[0-9A-F]+:0000$/.test(remote) || !/^[0-9A-F]{8}(?:[0-9A-F]{24})?$/.test(address))
      return []
    const number = Number.parseInt(port, 16)
    // Whoever asks a name server has a port of this range for an instant.
    if (protocol === 'udp' && number >= ephemeral[0] && number <= ephemeral[1]) return []
    return [{ protocol, address: parseAddress(address), port: number, inode, uid: Number(uid) }]
  })
}

/** /proc/net/unix: those with a name that accept connections (flag SO_ACCEPTCON). */
export function parseUnixSockets(text: string): Socket[] {
  const line = /^[0-9a-f]+: [0-9A-F]+ [0-9A-F]+ 00010000 [0-9A-F]+ [0-9A-F]+ +(\d+) (.+)$/gm
  return [...text.matchAll(line)].map(([, inode = '', address = '']) => ({ protocol: 'unix', address, inode }))
}

/** /proc/net/sockstat: `TCP: inuse 12 orphan 0 tw 3 alloc 14 mem 2`. */
export function parseSockstat(text: string): Record<string, number> {
  const line = (name: string): Record<string, number> => {
    const words = new RegExp(`^${name}: (.*)$`, 'm').exec(text)?.[1]?.split(' ') ?? []
    return Object.fromEntries(words.flatMap((word, i) => (i % 2 === 0 ? [[word, Number(words[i + 1]) || 0]] : [])))
  }
  const [sockets, tcp, udp] = ['sockets', 'TCP', 'UDP'].map((name) => line(name))
  return {
    used: sockets?.used ?? 0,
    tcp: tcp?.inuse ?? 0,
    tcpTimeWait: tcp?.tw ?? 0,
    tcpOrphaned: tcp?.orphan ?? 0,
    udp: udp?.inuse ?? 0,
  }
}

/** Of the host, not of a lane with a network of its own. */
export const netFile = (host: Host, name: string): string =>
  host.text(`/proc/1/net/${name}`, TABLE_MAX) || host.text(`/proc/net/${name}`, TABLE_MAX)

function readSockets(host: Host): Socket[] {
  const [low = 32_768, high = 60_999] = host
    .text('/proc/sys/net/ipv4/ip_local_port_range')
    .trim()
    .split(/\s+/)
    .map(Number)
  const inet = (['tcp', 'tcp6', 'udp', 'udp6'] as const).flatMap((name) =>
    parseInetSockets(netFile(host, name), name.startsWith('tcp') ? 'tcp' : 'udp', [low, high]),
  )
  return [...inet, ...parseUnixSockets(netFile(host, 'unix'))]
}

/**
 * Inode → who holds it. The first process of a service holds what it opened, its workers inherit it; process 1 holds what
 * it opened for others, so it is asked last. What is not found is left out.
 */
function findHolders(host: Host, wanted: Set<string>, processes: readonly Process[]): Map<string, Process> {
  const holders = new Map<string, Process>()
  const inOrder = [...processes.filter(({ pid }) => pid !== 1), ...processes.filter(({ pid }) => pid === 1)]
  for (const process of inOrder) {
    if (holders.size === wanted.size) break
    if (process.owner.kind === 'kernel' || process.state === 'Z') continue
    for (const fd of host.list(`/proc/${process.pid}/fd`).slice(0, FDS_MAX)) {
      const target = host.link(`/proc/${process.pid}/fd/${fd}`)
      const inode = target.startsWith('socket:[') ? target.slice(8, -1) : ''
      if (wanted.has(inode) && !holders.has(inode)) holders.set(inode, process)
    }
  }
  return holders
}

/** `ss -e --cgroup`: inode → the id of its cgroup, or its path where ss could find that. */
export const parseSocketCgroups = (text: string): Map<string, string> =>
  new Map(
    [...text.matchAll(/\bino:(\d+) .*?\bcgroup:(?:unreachable:([0-9a-f]+)|(\/\S*))/g)].map(
      ([, inode = '', id, path]) => [inode, id === undefined ? (path ?? '') : String(Number.parseInt(id, 16))],
    ),
  )

/** The first process of each cgroup, by the path and by the id of it. The root has none that a socket could be told by. */
function leaders(host: Host, processes: readonly Process[]): Map<string, Process> {
  const found = new Map<string, Process>()
  for (const process of processes.filter(({ owner }) => owner.kind !== 'kernel' && owner.kind !== 'none')) {
    if (found.has(process.cgroup)) continue
    const id = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified']
      .map((root) => host.stat(`${root}${process.cgroup}`)?.ino)
      .find((ino) => ino !== undefined)
    found.set(process.cgroup, process)
    if (id !== undefined) found.set(String(id), process)
  }
  return found
}

/** A service is told by its user when it is the only one that runs as that. Root is everybody. */
function onlyOf(processes: readonly Process[], uid: number | undefined): Process | undefined {
  if (!uid) return undefined
  const [one, ...others] = processes.filter((each) => each.uid === uid && each.owner.kind !== 'session')
  return others.every(({ cgroup }) => cgroup === one?.cgroup) ? one : undefined
}

export type HeldSocket = Socket & { holder?: Process; heldFrom?: string }

export async function readListeners(host: Host, processes: readonly Process[]): Promise<HeldSocket[]> {
  const sockets = readSockets(host)
  const holders = findHolders(host, new Set(sockets.map(({ inode }) => inode)), processes)
  const rest = sockets.filter(({ inode, protocol }) => protocol !== 'unix' && !holders.has(inode))
  const cgroups = rest.length === 0 ? new Map<string, string>() : parseSocketCgroups((await host.run('sockets')) ?? '')
  const byCgroup = cgroups.size === 0 ? new Map<string, Process>() : leaders(host, processes)
  const held = (socket: Socket): Pick<HeldSocket, 'holder' | 'heldFrom'> => {
    const sure = holders.get(socket.inode)
    if (sure) return { holder: sure, heldFrom: `/proc/${sure.pid}/fd` }
    const cgroup = cgroups.get(socket.inode)
    const made = cgroup === undefined ? undefined : byCgroup.get(cgroup)
    if (made) return { holder: made, heldFrom: COMMANDS.sockets.join(' ') }
    // Of a cgroup that nothing here runs in: it is nobody's whom we see.
    const only = cgroup === undefined ? onlyOf(processes, socket.uid) : undefined
    return only ? { holder: only, heldFrom: `the only service of user ${only.user}` } : {}
  }
  return sockets.map((socket) => ({ ...socket, ...held(socket) }))
}

/** What an engine holds a port with, for a container that publishes it. */
const FORWARDS = /^(?:docker-proxy|rootlessport|conmon)$/
const PUBLISHED = /^(?:\[(.+)\]|(.+)):(\d+)->\d+\/(tcp|udp)$/

/** `tcp 0.0.0.0:8080` → the container that publishes it. */
const publishers = (containers: readonly Container[]): Map<string, string> =>
  new Map(
    containers.flatMap(({ name, ports }) =>
      ports.flatMap((port) => {
        const [, six, four, number, protocol] = PUBLISHED.exec(port) ?? []
        return number === undefined ? [] : [[`${protocol} ${six ?? four}:${number}`, name] as const]
      }),
    ),
  )

/** A port of the engine's own is the container's that it stands for. */
const publishedBy = (name: string | undefined, holder: Process | undefined): Pick<Listener, 'owner' | 'ownerFrom'> =>
  name !== undefined && (holder === undefined || FORWARDS.test(programOf(holder)))
    ? { owner: { kind: 'container', name }, ownerFrom: 'ports that the container engine publishes' }
    : {}

/** `unitOfSocket`: the socket unit of an address that process 1 holds for a service that has not been asked for yet. */
export function describeListeners(
  sockets: readonly HeldSocket[],
  {
    unitOfSocket = new Map(),
    containers = [],
  }: { unitOfSocket?: ReadonlyMap<string, string> | undefined; containers?: readonly Container[] | undefined } = {},
): Listener[] {
  const published = publishers(containers)
  const described = sockets.map(({ protocol, address, port, holder, heldFrom }): Listener => {
    const unit = holder?.pid === 1 ? unitOfSocket.get(port === undefined ? address : String(port)) : undefined
    return {
      protocol,
      address,
      ...(port === undefined ? {} : { port }),
      ...(holder && {
        pid: holder.pid,
        process: programOf(holder),
        owner: unit ? { kind: 'unit', name: unit } : holder.owner,
        ...(heldFrom && { ownerFrom: heldFrom }),
      }),
      ...publishedBy(published.get(`${protocol} ${address}:${port}`), holder),
    }
  })
  // Several workers may listen on one address, each with a socket of its own.
  const unique = new Map(described.map((each) => [`${each.protocol} ${each.address} ${each.port} ${each.pid}`, each]))
  const rank = { tcp: 0, udp: 1, unix: 2 }
  return [...unique.values()].sort((a, b) => rank[a.protocol] - rank[b.protocol] || (a.port ?? 0) - (b.port ?? 0))
}
