// How busy the machine and each process are, taken several times within one pause: shared by the checks about CPU, disk and
// memory, so that the host is looked at once.
import { setTimeout as delay } from 'node:timers/promises'
import type { Owner } from '#proto/contract/reality.ts'
import type { Host } from '../reality/host.ts'
import { ownerOf } from '../reality/kernel/processes.ts'
import type { Facts } from './check.ts'

export type Task = {
  pid: number
  parent: number
  name: string
  state: string
  nice: number
  kernel: boolean
  cpuMs: number
  startTicks: number
  rss: number
  /** Ran, and waited for a processor, in ms; of its first thread. */
  ranMs: number
  waitedMs: number
}
export type Look = {
  at: number
  tasks: Map<number, Task>
  cpu: Cpu
  disks: Map<string, Disk>
  /** For how long somebody has waited for a disk, in all; where the kernel counts it (man 7 proc_pressure). */
  stalledMs?: number
}
export type Cpu = { busy: number; waiting: number; total: number; processors: number }
export type Disk = { busyMs: number; reads: number; writes: number; waitedMs: number }

const LOOKS = 6
const EVERY_MS = 130
const TICK_MS = 10
const PAGE = 4_096
const PROCESSES_MAX = 4_096
const KERNEL_THREAD = 0x00200000

/** man 5 proc_pid_stat. */
export function parseTask(stat: string, schedstat = ''): Task | undefined {
  const close = stat.lastIndexOf(')')
  const open = stat.indexOf('(')
  if (close < 0 || open < 0) return undefined
  const field = stat.slice(close + 2).split(' ')
  const number = (at: number): number => Number(field[at]) || 0
  const [ran = 0, waited = 0] = schedstat.split(' ').map(Number)
  return {
    pid: Number(stat.slice(0, open)),
    name: stat.slice(open + 1, close),
    state: field[0] ?? '?',
    parent: number(1),
    kernel: (number(6) & KERNEL_THREAD) !== 0,
    cpuMs: (number(11) + number(12)) * TICK_MS,
    nice: number(16),
    startTicks: number(19),
    rss: number(21) * PAGE,
    ranMs: ran / 1e6,
    waitedMs: waited / 1e6,
  }
}

export function parseCpu(text: string): Cpu {
  const [, ...ticks] = /^cpu +.*$/m.exec(text)?.[0].split(/ +/) ?? []
  const [user = 0, nice = 0, system = 0, idle = 0, waiting = 0, irq = 0, soft = 0, steal = 0] = ticks.map(Number)
  const busy = user + nice + system + irq + soft + steal
  return { busy, waiting, total: busy + idle + waiting, processors: text.match(/^cpu\d/gm)?.length || 1 }
}

/** Whole disks: partitions and mappings show the same work again. */
export function parseDisks(text: string): Map<string, Disk> {
  return new Map(
    text.split('\n').flatMap((line): [string, Disk][] => {
      const [, , name = '', ...figures] = line.trim().split(/\s+/)
      if (!/^(?:[shv]d[a-z]+|xvd[a-z]+|nvme\d+n\d+|mmcblk\d+|md\d+)$/.test(name)) return []
      const [reads = 0, , , readMs = 0, writes = 0, , , writeMs = 0, , busyMs = 0] = figures.map(Number)
      return [[name, { busyMs, reads, writes, waitedMs: readMs + writeMs }]]
    }),
  )
}

/** `some avg10=… total=MICROSECONDS` */
export const parseStall = (text: string): { stalledMs?: number } => {
  const total = /^some .*\btotal=(\d+)/m.exec(text)?.[1]
  return total === undefined ? {} : { stalledMs: Number(total) / 1000 }
}

function take(host: Host): Look {
  const tasks = new Map<number, Task>()
  const pids = host.list('/proc').filter((name) => /^\d+$/.test(name))
  for (const pid of pids.slice(0, PROCESSES_MAX)) {
    const task = parseTask(host.kernel(`/proc/${pid}/stat`), host.kernel(`/proc/${pid}/schedstat`))
    if (task && task.pid !== process.pid) tasks.set(task.pid, task)
  }
  return {
    at: performance.now(),
    tasks,
    cpu: parseCpu(host.text('/proc/stat', 1024 * 1024)),
    disks: parseDisks(host.text('/proc/diskstats')),
    ...parseStall(host.text('/proc/pressure/io', 1_000)),
  }
}

const taken = new WeakMap<Facts, Promise<Look[]>>()

/** The first look and those after it, the same for all checks. */
export function sample(facts: Facts): Promise<Look[]> {
  const there = taken.get(facts) ?? takeMany(facts)
  taken.set(facts, there)
  return there
}

async function takeMany({ host, left }: Facts): Promise<Look[]> {
  const looks = [take(host)]
  while (looks.length < LOOKS && left() > EVERY_MS * 3) {
    await delay(EVERY_MS)
    looks.push(take(host))
  }
  return looks
}

/** Whose a process is, by its cgroup at this moment. */
export function ownerOfTask(host: Host, pid: number): Owner {
  const lines = host.kernel(`/proc/${pid}/cgroup`).split('\n')
  const line =
    lines.find((each) => each.startsWith('0::/') && each.length > 4) ??
    lines.find((each) => each.includes(':name=systemd:'))
  return ownerOf(line?.slice(line.indexOf(':', line.indexOf(':') + 1) + 1) ?? '')
}

/** Of our own installation, which is at work while it looks. */
export const isOurs = (owner: Owner): boolean => owner.name.startsWith('mttrly-')

/** What to call a process in a finding: its unit or container, else itself. */
export const subjectOf = (owner: Owner, task: Pick<Task, 'name' | 'pid'>): string =>
  owner.kind === 'unit' || owner.kind === 'user-unit' || owner.kind === 'container'
    ? owner.name
    : `${task.name} (${task.pid})`
